import NATSPluginNative
import PluginKit

/// The connection to the server, which comes back by itself: a thread connects and waits, the reactor thread uses what there
/// is. On the reactor thread, but for `run`.
final class Link {
    let settings: Settings
    private let instance: Instance
    private var thread: OwnThread?
    private let monitor = Monitor()

    /// Under the monitor.
    private enum News {
        case up(OpaquePointer)
        case failed(Int32, String)
        case closed
        case ended
    }
    private var news: [News] = []
    private var mustClose = false
    private var isStopping = false

    private var mailbox: OpaquePointer!
    /// The connection, while it may be used.
    private(set) var raw: OpaquePointer?
    /// Why there is none.
    private(set) var error: PluginError
    private(set) var maxPayload = 0
    private var inboxes: [UInt64: OpaquePointer] = [:]
    private var nextTag: UInt64 = 1
    private var hasEnded = true
    private var isBeingStopped = false

    /// Set by the component, which outlives this. A letter is taken over by who is told of it.
    var onUp: () -> Void = {}
    var onDown: (PluginError) -> Void = { _ in }
    var onLetter: (UnsafeMutablePointer<nats_letter>) -> Void = { _ in }
    var onInboxOver: (UInt64) -> Void = { _ in }
    var onStopped: () -> Void = {}

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        self.instance = instance
        error = PluginError(OCTAVO_CODE_UNAVAILABLE, "The broker is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        mailbox = nats_mailbox_new(
            { Unmanaged<Link>.fromOpaque($0!).takeUnretainedValue().wake() }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { nats_mailbox_free(mailbox) }

    /// Has `open` called on the reactor thread. Any thread.
    private func wake() -> Int32 {
        let isTold = instance.post(
            { Unmanaged<Link>.fromOpaque($0!).takeUnretainedValue().open() }, Unmanaged.passUnretained(self).toOpaque())
        return isTold ? 0 : -1
    }

    func start() throws(PluginError) {
        (isStopping, mustClose, hasEnded, isBeingStopped) = (false, false, false, false)
        error = .outage("The NATS server \(settings.address) has not answered yet.")
        thread = OwnThread.start(name: "nats-link") { [unowned(unsafe) self] in self.run() }
        guard thread != nil else {
            hasEnded = true
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread for the connection.")
        }
    }

    /// `onStopped` follows, when nothing of it is left.
    func stop() {
        isBeingStopped = true
        raw = nil
        error = Failure.stopping
        monitor.with {
            isStopping = true
            mustClose = true
            monitor.wakeAll()
        }
        finish()
    }

    private func finish() {
        guard isBeingStopped, hasEnded, inboxes.isEmpty else { return }
        isBeingStopped = false
        thread?.join()
        thread = nil
        onStopped()
    }

    // MARK: The thread

    private static let firstPause: Int64 = 100_000_000, lastPause: Int64 = 5_000_000_000

    private func tell(_ item: News) {
        monitor.with { news.append(item) }
        nats_mailbox_put(mailbox, 0, NATS_LETTER_STATE)
    }

    private func run() {
        var pause = Link.firstPause
        while !monitor.with({ isStopping }) {
            var problem = [CChar](repeating: 0, count: 512)
            var kind: Int32 = 0
            if let made = nats_link_open(settings.link, &problem, problem.count, &kind) {
                let began = Host.now()
                monitor.with { mustClose = isStopping }
                tell(.up(made))
                monitor.with { while !mustClose { monitor.wait() } }
                nats_link_close(made)
                tell(.closed)
                if Host.now() - began > Link.lastPause { pause = Link.firstPause }
            } else {
                tell(.failed(kind, problem.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }))
            }
            // Half of it is by chance, so that many don't come back at the same moment.
            let end = Host.now() + pause / 2 + Int64(Host.random() % UInt64(pause / 2))
            monitor.with { while !isStopping, Host.now() < end { monitor.wait(atMost: max(end - Host.now(), 1)) } }
            pause = min(pause * 2, Link.lastPause)
        }
        tell(.ended)
    }

    // MARK: What came

    private func open() {
        var next = nats_mailbox_take(mailbox)
        while let letter = next {
            next = letter.pointee.next
            switch letter.pointee.kind {
            case NATS_LETTER_MESSAGE: onLetter(letter)
            case NATS_LETTER_OVER:
                isOver(letter.pointee.tag)
                nats_letter_throw_away(letter)
            default:
                nats_letter_throw_away(letter)
                let news = monitor.with { () -> [News] in
                    defer { self.news = [] }
                    return self.news
                }
                for item in news { hear(item) }
            }
        }
        finish()
    }

    private func hear(_ item: News) {
        switch item {
        case .up(let made):
            guard !isBeingStopped else { return }
            raw = made
            maxPayload = Int(nats_link_max_payload(made))
            onUp()
        case .failed(let kind, let why):
            guard !isBeingStopped else { return }
            error = Failure.connecting(kind, why, settings)
            onDown(error)
        case .closed: break
        case .ended: hasEnded = true
        }
    }

    private func isOver(_ tag: UInt64) {
        guard let inbox = inboxes.removeValue(forKey: tag) else { return }
        nats_inbox_free(inbox)
        onInboxOver(tag)
    }

    /// The connection is of no use any more. The thread closes it and makes another one.
    func giveUp() {
        guard raw != nil else { return }
        raw = nil
        error = Failure.lost(settings)
        monitor.with {
            mustClose = true
            monitor.wakeAll()
        }
        onDown(error)
    }

    // MARK: Using it

    /// A subscription; its tag.
    func subscribe(_ subject: [UInt8]) throws(PluginError) -> UInt64 {
        guard let raw else { throw error }
        let tag = nextTag
        nextTag += 1
        guard let inbox = nats_inbox_open(raw, mailbox, cString(subject), tag) else { throw Failure.lost(settings) }
        inboxes[tag] = inbox
        return tag
    }

    /// Ends a subscription once everything that is on its way has come; `onInboxOver` follows.
    func drain(_ tag: UInt64) {
        if let inbox = inboxes[tag] { nats_inbox_drain(inbox) }
    }

    /// Sends a message; throws what `error` says.
    func send(_ subject: [CChar], reply: [CChar]?, _ data: UnsafeRawBufferPointer, id: [CChar]? = nil) throws(PluginError) {
        guard let raw else { throw error }
        var problem = [CChar](repeating: 0, count: 256)
        if nats_link_send(raw, subject, reply, data.baseAddress, data.count, id, &problem, problem.count) == 0 { return }
        throw Failure.sending(problem.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }, settings)
    }

    func send(_ subject: [CChar], reply: [CChar]?, _ data: [UInt8]) throws(PluginError) {
        var failure: PluginError?
        data.withUnsafeBytes { data in
            do throws(PluginError) { try send(subject, reply: reply, data) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// What the server has last complained of, in quotation marks; empty when it was nothing.
    var complaint: String {
        guard let raw else { return "" }
        var text = [CChar](repeating: 0, count: 512)
        nats_link_complaint(raw, &text, text.count)
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// The whole text for C.
    func cString(_ text: [UInt8]) -> [CChar] { text.map { CChar(bitPattern: $0) } + [0] }
}
