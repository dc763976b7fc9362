import TensorCore

/// One sample of a data set with its certificate.
public struct CertificationRecord: Sendable, Hashable {
  /// The sample's index in its data set.
  public let index: Int
  /// The true class.
  public let label: Int
  /// What was certified.
  public let certificate: Certificate

  /// A record.
  public init(index: Int, label: Int, certificate: Certificate) {
    self.index = index
    self.label = label
    self.certificate = certificate
  }

  /// Whether the true class was certified, with whatever radius.
  public var isCertifiedCorrect: Bool { certificate.label == label }
  /// The radius when the true class was certified, else 0.
  public var correctRadius: Double { isCertifiedCorrect ? certificate.radius ?? 0 : 0 }
}

/// What certification came to on a set of samples. Every rate keeps its numerator and denominator.
public struct CertificationResult: Sendable, Hashable {
  /// n₀, n and α.
  public let settings: CertificationSettings
  /// The noise certified for.
  public let noise: SmoothingNoise
  /// One record a sample.
  public let records: [CertificationRecord]
  /// How long certification took, in whichever process it ran; nothing but that depends on the machine.
  public let seconds: Double

  /// A result.
  public init(
    settings: CertificationSettings, noise: SmoothingNoise, records: [CertificationRecord], seconds: Double
  ) {
    self.settings = settings
    self.noise = noise
    self.records = records
    self.seconds = seconds
  }

  /// Samples whose true class was certified, with whatever radius.
  public var certifiedCorrect: Proportion { Proportion(records.map(\.isCertifiedCorrect)) }

  /// Samples for which another class than the true one was certified.
  public var certifiedWrong: Proportion {
    Proportion(records.map { !$0.certificate.isAbstention && !$0.isCertifiedCorrect })
  }

  /// Samples without a certificate.
  public var abstained: Proportion { Proportion(records.map(\.certificate.isAbstention)) }

  /// Samples whose true class was certified with at least this radius. The proportion's interval speaks of further samples
  /// of the same kind; each certificate fails with probability α besides.
  public func certifiedAccuracy(atRadius radius: Double) -> Proportion {
    Proportion(records.map { $0.isCertifiedCorrect && $0.correctRadius >= radius })
  }

  /// The mean radius over all samples, 0 where the true class was not certified; NaN without samples.
  public var meanRadiusOfAll: Double { Summary(records.map(\.correctRadius)).mean }

  /// The mean radius over the samples whose true class was certified; NaN without any.
  public var meanRadiusOfCertified: Double {
    Summary(records.filter(\.isCertifiedCorrect).map(\.correctRadius)).mean
  }

  /// The largest certified radius, whatever the class; nil when all abstained.
  public var largestRadius: Double? { records.compactMap(\.certificate.radius).max() }

  /// The mean number of draws a sample took, those that chose its class included; NaN without samples.
  public var meanDraws: Double {
    Summary(records.map { Double(settings.selectionDraws + $0.certificate.draws) }).mean
  }

  /// The records, a line a sample: the class and the radius are empty for an abstention.
  public var csv: String {
    let lines = records.map { record in
      let certificate = record.certificate
      return [
        "\(record.index)", "\(record.label)", certificate.label.map { "\($0)" } ?? "",
        certificate.radius.map { "\($0)" } ?? "", record.isCertifiedCorrect ? "1" : "0",
        "\(certificate.candidate)",
        "\(certificate.hits)", "\(certificate.draws)", "\(certificate.lowerBound)",
      ].joined(separator: ",")
    }
    return (["index,label,certified_class,radius,correct,candidate,hits,draws,lower_bound"] + lines)
      .joined(separator: "\n") + "\n"
  }

  /// Certified accuracy against radius, a line a radius, with the 95 % Clopper-Pearson interval.
  public func accuracyCSV(radii: [Double]) -> String {
    let lines = radii.map { radius in
      let accuracy = certifiedAccuracy(atRadius: radius)
      let interval = accuracy.interval()
      return "\(radius),\(accuracy.estimate),\(interval.lowerBound),\(interval.upperBound),"
        + "\(accuracy.successes),\(accuracy.count)"
    }
    return (["radius,certified_accuracy,low,high,successes,count"] + lines).joined(separator: "\n") + "\n"
  }
}
