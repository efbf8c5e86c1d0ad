import COctavo
package import Components
package import Transport

/// One request's way through the filters of a pipeline: in by the first, out by the last that let it in.
final class FilterRun: HTTPInspector {
    private let pipeline: MiddlewarePipeline
    private let peer: String?
    private var refs: [ComponentRef] = []
    private var failure: MiddlewareFailure?
    /// Filters that the request has passed.
    private var passed = 0
    /// As the peer sent them.
    private var asked: HeaderFields?
    private var call: CallHandle?
    private var isCancelled = false

    init(_ pipeline: MiddlewarePipeline, peer: String?) {
        self.pipeline = pipeline
        self.peer = peer
    }

    private var handlers: [MiddlewareHandler] { pipeline.settings.handlers }
    private var title: String { pipeline.settings.pipeline }

    func prepare(_ done: @escaping (Bool) -> Void) { prepare(0, done) }

    private func prepare(_ index: Int, _ done: @escaping (Bool) -> Void) {
        guard !isCancelled else { return }
        guard index < handlers.count else {
            return done(refs.contains { $0.features & UInt64(OCTAVO_FILTER_BODY) != 0 })
        }
        let found: ComponentRef
        do throws(MiddlewareFailure) { found = try pipeline.component(handlers[index]) } catch {
            failure = error
            return done(false)
        }
        refs.append(found)
        if found.startsOnDemand { found.whenSettled { self.prepare(index + 1, done) } } else { prepare(index + 1, done) }
    }

    func inspect(request: HTTPMessage, _ done: @escaping (HTTPVerdict) -> Void) {
        guard !isCancelled else { return }
        if asked == nil { asked = request.headers }
        if let failure { return done(.answer(failure.answer(to: request))) }
        guard passed < refs.count else { return done(.goOn(request)) }
        let index = passed
        let wantsBody = refs[index].features & UInt64(OCTAVO_FILTER_BODY) != 0
        // One that has come to want bodies in between must not pass what it has not seen.
        if wantsBody, request.body == nil {
            let failure = MiddlewareFailure(503, "the \(handlers[index].description) of \(title) has just been replaced; try again")
            return done(.answer(failure.answer(to: request)))
        }
        ask(index, request, isAnswer: false) { [self] outcome in
            switch outcome {
            case .goOn(let message):
                passed += 1
                inspect(request: message, done)
            case .answer(let answer): inspect(answer, from: index) { done(.answer($0)) }
            case .failed(let failure): done(.answer(failure.answer(to: request)))
            }
        }
    }

    var seesAnswers: Bool { refs.prefix(passed).contains { $0.supports(OCTAVO_FILTER_OP_ON_RESPONSE) } }
    var collectsAnswers: Bool {
        refs.prefix(passed).contains { $0.features & UInt64(OCTAVO_FILTER_BODY) != 0 && $0.supports(OCTAVO_FILTER_OP_ON_RESPONSE) }
    }

    func inspect(answer: HTTPMessage, _ done: @escaping (HTTPMessage) -> Void) { inspect(answer, from: passed, done) }

    /// Goes out by the filters before `index`.
    private func inspect(_ answer: HTTPMessage, from index: Int, _ done: @escaping (HTTPMessage) -> Void) {
        guard !isCancelled else { return }
        guard let next = (0..<index).last(where: { refs[$0].supports(OCTAVO_FILTER_OP_ON_RESPONSE) }) else { return done(answer) }
        ask(next, answer, isAnswer: true) { [self] outcome in
            switch outcome {
            case .goOn(let message), .answer(let message): inspect(message, from: next, done)
            case .failed(let failure):
                var failed = failure.answer(to: answer)
                failed.hasNewBody = true
                done(failed)
            }
        }
    }

    private func ask(_ index: Int, _ message: HTTPMessage, isAnswer: Bool, _ done: @escaping (FilterOutcome) -> Void) {
        call = FilterCall.ask(refs[index], handlers[index], in: title, message, asked: isAnswer ? asked : nil, peer: peer) { [self] outcome in
            if !isCancelled { done(outcome) }
        }
    }

    func cancel() {
        isCancelled = true
        call?.cancel()
        call = nil
    }
}
