import NNLayers

/// The document's own classification report, kept to compare with (requirement D0.23).
func documentedReport() throws -> ClassificationReport {
  try ClassificationReport(text: documentedReportText, names: (0..<10).map(String.init))
}

private let documentedReportText = """
                precision    recall  f1-score   support

             0       0.93      0.97      0.95      1381
             1       0.94      0.97      0.96      1575
             2       0.91      0.91      0.91      1398
             3       0.90      0.90      0.90      1428
             4       0.91      0.89      0.90      1365
             5       0.92      0.83      0.87      1263
             6       0.92      0.95      0.94      1375
             7       0.89      0.94      0.92      1459
             8       0.90      0.85      0.88      1365
             9       0.87      0.86      0.86      1391

      accuracy                           0.91     14000
     macro avg       0.91      0.91      0.91     14000
  weighted avg       0.91      0.91      0.91     14000
  """
