import Attacks
import Defenses
import NNLayers

/// Training methods beside the document's (requirement D1.34).
enum Method: String, CaseIterable {
  case trades, mart, free, fast, smoothadv, macer

  /// Which of the document's networks it is an alternative to.
  var variant: Variant {
    switch self {
    case .trades, .mart, .free, .fast: .adversarial
    case .smoothadv, .macer: .smoothed
    }
  }

  /// Its network's name.
  var networkName: String { "\(variant.rawValue)-\(rawValue)" }

  /// What a step minimises. The adversarial ones defend the L-infinity ball, because not even projected gradient training
  /// withstands the document's L2 radius of 5. In all but the free one, what makes the network robust grows over the first
  /// half of the run or begins after it: under a noise of 1 the network otherwise learns nothing.
  fileprivate func loss(_ plan: Plan) throws -> any TrainingLoss & CustomStringConvertible {
    let radius = plan.radius.lInf
    let warmUp = Double(plan.adversarialEpochs) / 2
    switch self {
    case .trades:
      return TRADES(
        attack: AttackSchedule(radius: radius, warmUp: warmUp) {
          ProjectedGradient(budget: NormalStart(LInfBall(radius: $0)), stepSize: $0 / 4, steps: 10)
        })
    case .mart:
      return MART(
        attack: AttackSchedule(radius: radius, warmUp: warmUp) {
          ProjectedGradient(budget: LInfBall(radius: $0), stepSize: $0 / 4, steps: 10)
        })
    case .free: return FreeAdversarialTraining(budget: LInfBall(radius: radius), replays: 4)
    case .fast: return AdversarialTraining.fast(radius: radius, warmUp: warmUp)
    case .smoothadv:
      return SmoothAdv(
        attack: AttackSchedule(radius: plan.sigma / 2, warmUp: warmUp) {
          ProjectedGradient(budget: L2Ball(radius: $0), stepSize: $0 / 2, steps: 4, startsAtRandom: false)
        }, noise: try plan.noise(), copies: 4)
    case .macer: return MACER(noise: try plan.noise(), copies: 16, lambda: 6, warmUp: warmUp)
    }
  }
}

extension Study {
  /// Trains a network by a further method, watched as the document's adversarial training is.
  func train(_ method: Method) throws -> (network: Network, history: TrainingHistory) {
    let loss = try method.loss(plan)
    let epochs = plan.adversarialEpochs
    let ball = LInfBall(radius: plan.radius.lInf)
    return try train(method.networkName, epochs: epochs, method: loss.description) {
      $0.loss = loss
      guard method.variant == .adversarial else { return }
      $0.probe = RobustnessProbe(
        on: data.test, samples: watchedSamples, trainingAttack: FastGradient(budget: ball),
        probeAttack: Robustness.strong(ball, plan))
    }
  }
}
