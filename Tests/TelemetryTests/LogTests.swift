import Glibc
import JSONText
import Logging
import Telemetry
import Testing

/// A pipe whose reading end tells what a sink wrote.
private final class Pipe {
    let reading: Int32
    let writing: Int32

    init() {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        // The sink's thread keeps the writing end for good; nothing is written to it any more.
    }

    /// Waits for that many lines.
    func lines(_ count: Int) -> [String] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count(where: { $0 == 0x0a }) < count {
            let got = read(reading, &buffer, buffer.count)
            guard got > 0 else { break }
            bytes += buffer[..<got]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

@Suite struct LogTests {
    private let pipe = Pipe()

    private func logger(_ format: LogFormat, redaction: LogRedaction = LogRedaction()) -> Logger {
        let configuration = LogConfiguration(
            format: format, level: .debug, appID: "shop", instance: "host-1", version: "1.2.3", redaction: redaction,
            sink: LogSink(descriptor: pipe.writing))
        return Logger(label: "octavo.components") { LineLogHandler(label: $0, configuration) }
    }

    @Test("a JSON line has Dapr's keys, then the facts with their types")
    func writesJSON() throws {
        var logger = logger(.json)
        logger[metadataKey: "component"] = "orders"
        logger.warning(
            "it is \"slow\"\n",
            metadata: [
                "took": .stringConvertible(12), "ok": .stringConvertible(false), "level": "x",
                "list": ["a", ["k": "v"]],
            ])
        let value = try JSONValue(parsing: try #require(pipe.lines(1).first))
        #expect(
            value.members?.map(\.name) == [
                "time", "level", "type", "msg", "scope", "app_id", "instance", "ver", "component", "fields.level",
                "list",
                "ok", "took",
            ])
        #expect(value["level"]?.string == "warning")
        #expect(value["msg"]?.string == "it is \"slow\"\n")
        #expect(value["scope"]?.string == "octavo.components")
        #expect(value["app_id"]?.string == "shop")
        #expect(value["instance"]?.string == "host-1")
        #expect(value["ver"]?.string == "1.2.3")
        #expect(value["took"] == .number("12"))
        #expect(value["ok"] == .bool(false))
        #expect(value["list"] == .array([.string("a"), .object([("k", .string("v"))])]))
        #expect(value["time"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/) != nil)
    }

    @Test("a text line is aligned, and nothing in it can break the line or command the terminal")
    func writesText() throws {
        let logger = logger(.text(colour: false))
        logger.info("component ready", metadata: ["component": "orders", "why": "two words", "none": ""])
        logger.error("bad\nline \u{1b}[31m", metadata: ["x": "a\"b\u{7}"])
        let lines = pipe.lines(2).map { String($0.dropFirst(25)) }
        #expect(
            lines == [
                "INFO  component ready                              component=orders none=\"\" why=\"two words\"",
                "ERROR bad\\nline \\x1b[31m                           x=\"a\\\"b\\x07\"",
            ])
    }

    @Test("colour is where it was asked for alone")
    func colours() throws {
        logger(.text(colour: true)).info("x")
        #expect(try #require(pipe.lines(1).first).contains("\u{1b}[32mINFO\u{1b}[0m"))
        #expect(!LogConfiguration.wantsColour(descriptor: pipe.writing))
    }

    @Test(
        "no secret shows: neither a registered value anywhere, nor the value of a telling key",
        arguments: [LogFormat.json, .text(colour: false)])
    func redacts(format: LogFormat) throws {
        let redaction = LogRedaction()
        redaction.protect("hunter2-and")
        redaction.protect("hunter2-and-more\"")
        redaction.protect("short")
        let logger = logger(format, redaction: redaction)
        logger.info(
            "refused hunter2-and-more\" twice: hunter2-and",
            metadata: [
                "error": "login hunter2-and failed", "Redis-Password": "abc",
                "nested": ["api_token": "abc", "x": "hunter2-and"],
                "value": "\(Sensitive("abc"))", "note": "it is short",
            ])
        let line = try #require(pipe.lines(1).first)
        #expect(!line.contains("hunter2"))
        #expect(!line.contains("abc"))
        #expect(line.contains("refused *** twice: ***"))
        #expect(line.contains("is short"))
    }

    @Test("lines below the level are not written")
    func filters() {
        let logger = logger(.text(colour: false))
        logger.trace("not this")
        logger.debug("but this")
        #expect(pipe.lines(1).count == 1)
    }

    @Test("a reader that stands still costs lines, never the writer, and the loss is told")
    func dropsLines() {
        let sink = LogSink(descriptor: pipe.writing, limit: 100_000)
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 999) + [0x0a]
        // More than pipe and buffer hold together.
        for _ in 0..<2000 { sink.write(line) }
        var read = 0
        while true {
            let lines = pipe.lines(1)
            read += lines.count
            if let told = lines.first(where: { $0.contains("log lines were dropped") }) {
                #expect(told.hasPrefix("… "))
                break
            }
        }
        #expect(read < 2000)
        sink.write(line)
        sink.flush()
        #expect(pipe.lines(1).isEmpty == false)
    }

    @Test("flushing waits until the descriptor has everything, and no longer than asked")
    func flushes() {
        let sink = LogSink(descriptor: pipe.writing)
        sink.write(Array("one\n".utf8))
        sink.flush()
        #expect(pipe.lines(1) == ["one"])
        sink.write([UInt8](repeating: 0x0a, count: 1 << 19))
        let clock = ContinuousClock()
        let took = clock.measure { sink.flush(timeout: .milliseconds(50)) }
        #expect(took >= .milliseconds(50) && took < .seconds(5))
        // Let the thread finish, so that it does not hang on a pipe without a reader.
        _ = pipe.lines(1 << 19)
    }
}
