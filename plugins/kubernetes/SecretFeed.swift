import PluginKit

/// What a source wants to hear: a stream for each of its names. On the reactor thread.
final class SecretFeed {
    let source: Source
    private let streams: [SecretStream]
    private var opened: ((PluginError?) -> Void)?
    private var left = 0

    var count: Int { streams.count }

    init(_ store: KubernetesSecrets, _ source: Source, _ folder: String, _ names: [[UInt8]]) {
        self.source = source
        streams = names.map { SecretStream(store, source, folder, $0) }
    }

    /// `done` is called once: when all is heard of, or with why one is not, and then nothing is.
    func open(done: @escaping (PluginError?) -> Void) {
        opened = done
        left = streams.count
        if left == 0 { return finish(nil) }
        for stream in streams {
            stream.open { [unowned(unsafe) self] error in
                left -= 1
                if error != nil || left == 0 { finish(error) }
            }
        }
    }

    func close() {
        for stream in streams { stream.close() }
        finish(PluginError(OCTAVO_CODE_CANCELLED, "The watch was ended."))
    }

    private func finish(_ error: PluginError?) {
        guard let opened else { return }
        self.opened = nil
        if error != nil { for stream in streams { stream.close() } }
        opened(error)
    }
}
