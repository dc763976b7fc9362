import Foundation
import ImageCodecs
import TensorCore

/// A report in one file: styles and pictures stand inside it, so it opens anywhere, offline, in light and dark; and the same
/// as Markdown, whose pictures are files beside it.
///
/// Sections, tables and figures number themselves; the table of contents follows from the headings. All text is
/// escaped.
public struct HTMLReport: Sendable {
  /// The heading of the whole report.
  public let title: String
  /// A line under it: profile, data, revision.
  public let subtitle: String
  private var body: [String] = []
  /// The same blocks as Markdown.
  private var markdownBody: [String] = []
  private var contents: [(depth: Int, number: String, title: String, anchor: String)] = []
  private var sectionNumbers = [0, 0, 0]
  /// How many tables there are.
  public private(set) var tableCount = 0
  /// How many figures there are.
  public private(set) var figureCount = 0

  /// A report without content.
  public init(title: String, subtitle: String = "") {
    self.title = title
    self.subtitle = subtitle
  }

  /// Begins a section.
  ///
  /// - Parameter depth: 1 for a chapter, 2 for a section, 3 for a subsection.
  /// - Precondition: depth is 1, 2 or 3.
  public mutating func addHeading(_ title: String, depth: Int = 1) {
    precondition((1...3).contains(depth), "HTMLReport: heading depth \(depth) is not 1, 2 or 3")
    sectionNumbers[depth - 1] += 1
    for deeper in depth..<3 { sectionNumbers[deeper] = 0 }
    let number = sectionNumbers[..<depth].map(String.init).joined(separator: ".")
    let anchor = "section-" + number.replacing(".", with: "-")
    contents.append((depth, number, title, anchor))
    body.append(
      "<h\(depth + 1) id=\"\(anchor)\"><span class=\"section\">\(number)</span> \(HTML.escaped(title))</h\(depth + 1)>"
    )
    markdownBody.append(
      "<a id=\"\(anchor)\"></a>\n\n\(String(repeating: "#", count: depth + 1)) \(number) \(Markdown.line(title))"
    )
  }

  /// A paragraph; an empty line in the text begins another one.
  public mutating func addParagraph(_ text: String) {
    let paragraphs = text.split(separator: "\n\n").filter { !$0.allSatisfy(\.isWhitespace) }
    body += paragraphs.map { "<p>\(HTML.prose(String($0)))</p>" }
    markdownBody += paragraphs.map { Markdown.line(String($0)) }
  }

  /// A remark that must be seen, such as that the data are synthetic.
  public mutating func addNotice(_ text: String) {
    body.append("<p class=\"notice\">\(HTML.prose(text))</p>")
    markdownBody.append("> \(Markdown.line(text))")
  }

  /// Points below one another.
  public mutating func addList(_ items: [String]) {
    body.append("<ul>\(items.map { "<li>\(HTML.prose($0))</li>" }.joined())</ul>")
    markdownBody.append(items.map { "- \(Markdown.line($0))" }.joined(separator: "\n"))
  }

  /// Text with its line breaks and spaces, in letters of equal width.
  public mutating func addPreformatted(_ text: String) {
    body.append("<pre>\(HTML.escaped(text))</pre>")
    markdownBody.append(Markdown.preformatted(text))
  }

  /// A table with its title as the caption and its note below.
  public mutating func add(_ table: Table) {
    tableCount += 1
    let caption = table.title.isEmpty ? "Table \(tableCount)" : "Table \(tableCount). \(table.title)"
    let note = table.note.isEmpty ? "" : "\n<p class=\"note\">\(HTML.prose(table.note))</p>"
    body.append("<div class=\"table\">\n\(table.html(caption: caption))\(note)\n</div>")
    markdownBody.append(Markdown.table(table, caption: caption))
  }

  /// Measured values beside a document's.
  public mutating func add(_ comparison: DocumentComparison) { add(comparison.table) }

  /// A picture from a PNG file's bytes.
  ///
  /// - Parameters:
  ///   - caption: what it shows and what to see in it.
  ///   - file: the picture's path from where the Markdown stands; without one only the caption is there.
  public mutating func addFigure(pngData: Data, caption: String, file: String? = nil) {
    figureCount += 1
    body.append(
      """
      <figure>
      <img src="data:image/png;base64,\(pngData.base64EncodedString())" alt="\(HTML.escaped(caption))">
      <figcaption><b>Figure \(figureCount).</b> \(HTML.prose(caption))</figcaption>
      </figure>
      """)
    let picture = file.map { "![](<\($0)>)\n\n" } ?? ""
    markdownBody.append("\(picture)**Figure \(figureCount).** \(Markdown.line(caption))")
  }

  /// A picture.
  public mutating func addFigure(_ image: Image, caption: String) throws {
    addFigure(pngData: try image.pngData(), caption: caption)
  }

  /// The whole document.
  public var html: String {
    HTMLPage.document(
      title: title, body: header + navigation + "<main>\n\(body.joined(separator: "\n"))\n</main>\n")
  }

  /// The whole document as Markdown.
  public var markdown: String {
    var blocks = ["# \(Markdown.line(title))"]
    if !subtitle.isEmpty { blocks.append(Markdown.line(subtitle)) }
    if contents.count > 1 {
      blocks.append(
        contents.map {
          String(repeating: "  ", count: $0.depth - 1)
            + "- [\($0.number) \(Markdown.line($0.title))](#\($0.anchor))"
        }.joined(separator: "\n"))
    }
    return (blocks + markdownBody).joined(separator: "\n\n") + "\n"
  }

  private var header: String {
    let line = subtitle.isEmpty ? "" : "\n<p class=\"subtitle\">\(HTML.escaped(subtitle))</p>"
    return "<header>\n<h1>\(HTML.escaped(title))</h1>\(line)\n</header>\n"
  }

  private var navigation: String {
    guard contents.count > 1 else { return "" }
    let entries = contents.map {
      "<li class=\"depth\($0.depth)\"><a href=\"#\($0.anchor)\"><span class=\"section\">\($0.number)</span> "
        + "\(HTML.escaped($0.title))</a></li>"
    }
    return
      "<nav aria-label=\"Contents\">\n<h2>Contents</h2>\n<ol>\n\(entries.joined(separator: "\n"))\n</ol>\n</nav>\n"
  }

  /// Writes the report, whole or not at all.
  ///
  /// - Throws: `InputError.unwritable` naming the path.
  public func write(to url: URL) throws { try AtomicFile.write(html, to: url) }
}
