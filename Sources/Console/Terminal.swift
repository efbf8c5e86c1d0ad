import Glibc

/// Where a command's text goes, and what may be done to it there.
package struct Terminal: Sendable {
    /// Cells in a line; nil when the text does not go to a terminal, so that nothing is cut.
    package let width: Int?
    /// Whether styles are written.
    package let colour: Bool

    package init(width: Int?, colour: Bool) {
        self.width = width
        self.colour = colour
    }

    /// What is behind `descriptor` (1 is standard output, 2 standard error).
    ///
    /// Colour is written to a terminal alone, and not there when `NO_COLOR` is set to anything (no-color.org)
    /// or `TERM` is `dumb`.
    package init(descriptor: Int32, environment: (String) -> String?) {
        guard isatty(descriptor) == 1 else {
            self.init(width: nil, colour: false)
            return
        }
        var size = winsize()
        let known = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let fallback = environment("COLUMNS").flatMap { Int($0) } ?? 80
        let isPlain = environment("NO_COLOR").map { !$0.isEmpty } ?? false || environment("TERM") == "dumb"
        self.init(width: known ? Int(size.ws_col) : fallback, colour: !isPlain)
    }

    /// Writes all of `text` to `descriptor`, again after a signal, and gives up when the reader has gone.
    package static func write(_ text: String, to descriptor: Int32) {
        write(Array(text.utf8), to: descriptor)
    }

    /// Writes all of `bytes` to `descriptor`, again after a signal, and gives up when the reader has gone.
    package static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
