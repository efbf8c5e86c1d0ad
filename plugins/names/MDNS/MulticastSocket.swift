import NamesPluginNative
import PluginKit

/// The sockets of multicast DNS, one for IPv4 and one for IPv6, on all interfaces of this machine. On the reactor thread.
final class MulticastSocket {
    private struct Way {
        let descriptor: Int32
        let six: Int32
        let watch: Watch
        var interfaces: [Interface] = []
    }

    struct Interface: Equatable {
        let index: UInt32
        let isLoopback: Bool
    }

    /// Datagrams that are taken at a time, so that a flood leaves room for other work.
    private static let most = 64

    private let instance: Instance
    /// What came in: bytes, who sent them, and whether by the loopback interface. The answer to one alone goes by `reply`.
    private let heard: ([UInt8], names_source, Bool) -> Void
    private var ways: [Way] = []
    private var buffer = [UInt8](repeating: 0, count: 9000)
    private(set) var problem = ""

    init(_ instance: Instance, heard: @escaping ([UInt8], names_source, Bool) -> Void) {
        self.instance = instance
        self.heard = heard
    }

    /// Throws when there is neither IPv4 nor IPv6.
    func open() throws(PluginError) {
        close()
        for six in [0, 1] as [Int32] {
            let descriptor = names_multicast_open(six)
            guard descriptor >= 0 else {
                problem = PluginError.text(ofErrno: plugin_kit_errno())
                continue
            }
            let watch = Watch(instance) { [unowned(unsafe) self] _ in self.hear(descriptor) }
            guard watch.add(descriptor, OCTAVO_EVENT_READABLE) else {
                shut(descriptor)
                continue
            }
            ways.append(Way(descriptor: descriptor, six: six, watch: watch))
        }
        guard !ways.isEmpty else { throw .outage("Port 5353 for multicast DNS can't be opened: \(problem). Another program may keep it to itself.") }
        look()
    }

    func close() {
        for way in ways {
            way.watch.remove()
            shut(way.descriptor)
        }
        ways = []
    }

    /// Finds interfaces that have come, and forgets those that have gone.
    func look() {
        for index in ways.indices {
            let found = Found()
            names_each_interface(
                ways[index].six,
                { argument, interface, isLoopback in
                    let one = Interface(index: interface, isLoopback: isLoopback != 0)
                    let found = Unmanaged<Found>.fromOpaque(argument!).takeUnretainedValue()
                    if !found.all.contains(one) { found.all.append(one) }
                }, Unmanaged.passUnretained(found).toOpaque())
            ways[index].interfaces = found.all.filter { one in
                if names_multicast_join(ways[index].descriptor, ways[index].six, one.index) == 0 { return true }
                problem = PluginError.text(ofErrno: plugin_kit_errno())
                return false
            }
        }
    }

    private final class Found { var all: [Interface] = [] }

    /// Sends by each interface, or by the loopback interface alone; whether any took it. `only`: by one.
    @discardableResult
    func send(_ bytes: [UInt8], loopbackAlone: Bool = false, only: UInt32 = 0) -> Bool {
        var isSent = false
        for way in ways {
            for one in way.interfaces where (!loopbackAlone || one.isLoopback) && (only == 0 || only == one.index) {
                let count = bytes.withUnsafeBytes { names_multicast_send(way.descriptor, way.six, one.index, $0.baseAddress!, $0.count) }
                if count >= 0 { isSent = true } else { problem = PluginError.text(ofErrno: plugin_kit_errno()) }
            }
        }
        return isSent
    }

    func reply(_ bytes: [UInt8], to source: names_source) {
        for way in ways where (way.six != 0) == (source.address_size > 16) {
            var source = source
            _ = bytes.withUnsafeBytes { names_multicast_reply(way.descriptor, $0.baseAddress!, $0.count, &source) }
        }
    }

    private func hear(_ descriptor: Int32) {
        for _ in 0..<Self.most {
            guard let way = ways.first(where: { $0.descriptor == descriptor }) else { return }
            var source = names_source()
            let count = buffer.withUnsafeMutableBytes { names_multicast_receive(descriptor, $0.baseAddress!, $0.count, &source) }
            guard count >= 0 else { return }
            let isLoopback = way.interfaces.contains { $0.index == source.interface && $0.isLoopback }
            heard([UInt8](buffer[..<Int(count)]), source, isLoopback)
        }
    }
}

/// Where `close` is a method of the class.
private func shut(_ descriptor: Int32) { _ = close(descriptor) }
