/// The frame of every page: head and style sheet.
enum HTMLPage {
  static func document(title: String, body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(HTML.escaped(title))</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    \(body)</body>
    </html>

    """
  }

  private static let style = """
    :root {
      --paper: #ffffff; --ink: #1d2129; --quiet: #5c6470; --line: #d9dde3; --shade: #f5f6f8; --link: #0b5cad;
      --notice: #fff4d6; --notice-line: #d99a00;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #15181d; --ink: #e3e6ea; --quiet: #9aa3af; --line: #363c46; --shade: #1d2128; --link: #7db8f5;
        --notice: #33290f; --notice-line: #b98a1d;
      }
    }
    * { box-sizing: border-box; }
    html { scroll-behavior: smooth; }
    body {
      margin: 0; padding: 2.5rem 1.5rem 5rem; background: var(--paper); color: var(--ink);
      font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    }
    header, main, nav { max-width: 62rem; margin-left: auto; margin-right: auto; }
    h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .4rem; }
    h2 { font-size: 1.45rem; margin: 2.8rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
    h3 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
    h4 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
    p, ul { max-width: 46rem; }
    a { color: var(--link); }
    .section { color: var(--quiet); font-weight: 400; margin-right: .35em; font-variant-numeric: tabular-nums; }
    .subtitle { color: var(--quiet); margin: 0 0 1.5rem; }
    .note { color: var(--quiet); font-size: .875rem; margin: .5rem 0 0; }
    .notice {
      background: var(--notice); border-left: 4px solid var(--notice-line); padding: .7rem 1rem; border-radius: 3px;
    }
    nav { background: var(--shade); border: 1px solid var(--line); border-radius: 6px; padding: .9rem 1.3rem 1.1rem; }
    nav h2 { font-size: 1rem; margin: 0 0 .4rem; padding: 0; border: 0; }
    nav ol { list-style: none; margin: 0; padding: 0; columns: 20rem; column-gap: 2.5rem; }
    nav li { break-inside: avoid; padding: .08rem 0; }
    nav a { text-decoration: none; }
    nav a:hover { text-decoration: underline; }
    .depth2 { padding-left: 1.3rem; }
    .depth3 { padding-left: 2.6rem; }
    .table { overflow-x: auto; margin: 1.4rem 0; }
    table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
    caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
    th, td { padding: .35rem .9rem .35rem .6rem; text-align: left; border-bottom: 1px solid var(--line); }
    th { background: var(--shade); font-weight: 600; vertical-align: bottom; }
    td { vertical-align: top; }
    tbody tr:hover { background: var(--shade); }
    .number { text-align: right; white-space: nowrap; }
    .middle { text-align: center; }
    figure { margin: 1.6rem 0; }
    img {
      max-width: 100%; height: auto; display: block; background: #ffffff; border: 1px solid var(--line);
      border-radius: 4px;
    }
    figcaption { color: var(--quiet); font-size: .9rem; margin-top: .5rem; max-width: 46rem; }
    figcaption b { color: var(--ink); }
    pre {
      background: var(--shade); border: 1px solid var(--line); border-radius: 4px; padding: .8rem 1rem;
      overflow-x: auto; font: .85rem/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
    }
    .badge {
      display: inline-block; font-size: .78rem; padding: 0 .55em; border: 1px solid var(--line); border-radius: 1em;
      color: var(--quiet); margin-left: .5em; vertical-align: middle; font-weight: 400;
    }
    @media print { nav { display: none; } body { padding: 0; } figure, table { break-inside: avoid; } }
    """
}
