import Console
import Glibc
import Testing

@Suite struct TerminalTests {
    /// Both ends of a terminal of 50 cells.
    private static func withTerminal(_ body: (Int32) -> Void) throws {
        // Glibc's names for this hide behind _XOPEN_SOURCE; these are what they do (pts(4)).
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(master >= 0)
        defer { close(master) }
        var isLocked: Int32 = 0
        var number: Int32 = 0
        let (unlock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
        try #require(ioctl(master, unlock, &isLocked) == 0 && ioctl(master, getNumber, &number) == 0)
        let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(slave >= 0)
        defer { close(slave) }
        var size = winsize(ws_row: 10, ws_col: 50, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(slave, UInt(TIOCSWINSZ), &size) == 0)
        body(slave)
    }

    @Test("a terminal has its width, and colour unless it is unwanted", arguments: [
        ([:], true), (["NO_COLOR": "1"], false), (["NO_COLOR": ""], true), (["TERM": "dumb"], false),
        (["TERM": "xterm", "COLUMNS": "9"], true),
    ] as [([String: String], Bool)])
    func terminal(environment: [String: String], colour: Bool) throws {
        try Self.withTerminal { descriptor in
            let terminal = Terminal(descriptor: descriptor, environment: { environment[$0] })
            #expect(terminal.width == 50)
            #expect(terminal.colour == colour)
        }
    }

    @Test("what is no terminal has neither width nor colour")
    func noTerminal() throws {
        let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let terminal = Terminal(descriptor: descriptor, environment: { _ in nil })
        #expect(terminal.width == nil && !terminal.colour)
    }
}
