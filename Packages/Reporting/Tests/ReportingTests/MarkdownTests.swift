import Foundation
import Reporting
import Testing

@Suite struct MarkdownTests {
  // Letters that mean something in Markdown must stand for themselves, and cells must stay in their column and row.
  @Test func theSameReportAsMarkdown() {
    var report = HTMLReport(title: "A & B", subtitle: "quick")
    report.addHeading("First *one*")
    report.addHeading("Inner_part", depth: 2)
    report.addParagraph("one < two\n\nsecond `paragraph`")
    report.addNotice("mind")
    report.addList(["a | b", "two\nlines"])
    report.addPreformatted("x  ```y\n")
    var table = Table("t", columns: ["Name", "n"], note: "note [1]")
    table.append([.text("a|b\nc"), .integer(4)])
    report.add(table)
    report.addFigure(pngData: Data([1]), caption: "a dot", file: "figures/dot.png")
    report.addFigure(pngData: Data([1]), caption: "without a file")
    #expect(
      report.markdown == """
        # A &amp; B

        quick

        - [1 First \\*one\\*](#section-1)
          - [1.1 Inner\\_part](#section-1-1)

        <a id="section-1"></a>

        ## 1 First \\*one\\*

        <a id="section-1-1"></a>

        ### 1.1 Inner\\_part

        one &lt; two

        second \\`paragraph\\`

        > mind

        - a \\| b
        - two lines

        ````
        x  ```y
        ````

        **Table 1. t**

        | Name | n |
        | --- | ---: |
        | a\\|b c | 4 |

        note \\[1\\]

        ![](<figures/dot.png>)

        **Figure 1.** a dot

        **Figure 2.** without a file

        """)
    #expect(report.tableCount == 1 && report.figureCount == 2)
  }
}
