import Foundation
import TensorCore

/// `results/index.html`: one page that leads to every report, with each run's headline values.
public enum ResultsIndex {
  /// Writes `index.html` into a results folder from what is found in it: every `<program>/report.html`, then every
  /// `quick/<program>/report.html`, each by name.
  ///
  /// A run whose `metrics.json` is missing or damaged is listed with that remark; it does not hide the others.
  ///
  /// - Parameter folder: the `results` folder.
  /// - Returns: the page's place.
  /// - Throws: `InputError.unwritable` naming the path.
  @discardableResult
  public static func write(in folder: URL) throws -> URL {
    let full = reports(in: folder, path: "")
    let quick = reports(in: folder.appendingPathComponent("quick"), path: "quick/")
    var body = "<header>\n<h1>Results</h1>\n</header>\n<main>\n"
    for (heading, entries) in [("Full runs", full), ("Quick runs", quick)] where !entries.isEmpty {
      body += "<h2>\(heading)</h2>\n" + entries.joined(separator: "\n")
    }
    if full.isEmpty && quick.isEmpty { body += "<p>There is no report yet.</p>\n" }
    let url = folder.appendingPathComponent("index.html")
    try AtomicFile.write(HTMLPage.document(title: "Results", body: body + "</main>\n"), to: url)
    return url
  }

  private static func reports(in folder: URL, path: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().compactMap { name in
      let report = folder.appendingPathComponent(name).appendingPathComponent("report.html")
      guard FileManager.default.fileExists(atPath: report.path) else { return nil }
      return entry(name: name, folder: folder.appendingPathComponent(name), path: path + name)
    }
  }

  private static func entry(name: String, folder: URL, path: String) -> String {
    let link = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
    var badges: [String] = []
    var content = ""
    do {
      let file = folder.appendingPathComponent("metrics.json")
      guard let data = FileManager.default.contents(atPath: file.path) else {
        throw InputError(
          .missing, file.lastPathComponent, expected: "the run's values", found: "no such file")
      }
      let metrics = try JSONValue(parsing: data, name: file.lastPathComponent)
      if let profile = metrics["profile"]?.text { badges.append(profile) }
      if metrics["synthetic"] == .bool(true) { badges.append("synthetic data") }
      content = headline(of: metrics)
    } catch {
      content = "<p class=\"notice\">\(HTML.escaped("\(error)"))</p>"
    }
    let marks = badges.map { "<span class=\"badge\">\(HTML.escaped($0))</span>" }.joined()
    return
      "<h3><a href=\"\(HTML.escaped(link))/report.html\">\(HTML.escaped(name))</a>\(marks)</h3>\n\(content)\n"
  }

  private static func headline(of metrics: JSONValue) -> String {
    guard case .object(let values)? = metrics["headline"], !values.names.isEmpty else {
      return "<p class=\"note\">No headline values.</p>"
    }
    var table = Table("", columns: ["Headline", Table.Column("Value", alignment: .trailing)])
    for (name, value) in values.members {
      let shown: Table.Cell =
        switch value {
        case .integer(let number): .integer(number)
        case .number(let number): .significant(number, digits: 6)
        default: .text("not a number")
        }
      table.append([.text(name), shown])
    }
    return "<div class=\"table\">\n\(table.html)\n</div>"
  }
}
