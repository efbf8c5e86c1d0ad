import Foundation
import Testing

@testable import Tracing

@Suite("Trace context")
struct TraceContextTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c", span = "b7ad6b7169203331"

    @Test("is read and written as it is", arguments: ["01", "00"])
    func roundTrip(flags: String) throws {
        let text = "00-\(Self.trace)-\(Self.span)-\(flags)"
        let context = try #require(TraceContext(parent: text))
        #expect(context.parent == text && context.isSampled == (flags == "01"))
        #expect(context.traceID == Self.trace && TraceContext.text(span: context.span) == Self.span)
        #expect(context.binary.count == 29)
        #expect(TraceContext(binary: context.binary) == context)
        context.withParent { #expect(String(decoding: $0, as: UTF8.self) == context.parent) }
        var digits = ""
        context.withBinaryText { digits = String(decoding: $0, as: UTF8.self) }
        #expect(Data(base64Encoded: digits + "=").map { Array($0) } == context.binary && context.binaryText == digits)
        // Put together by hand: version, and the fields 0, 1 and 2 behind their numbers.
        #expect(digits == "AAAK92UZFs1D3YRI6yEcgDGcAbeta3FpIDMxAg" + (flags == "01" ? "E" : "A"))
    }

    @Test("of a later version is read as far as it is known, and written as version 00")
    func later() throws {
        for text in ["01-\(Self.trace)-\(Self.span)-03", "cc-\(Self.trace)-\(Self.span)-01-what-comes"] {
            #expect(TraceContext(parent: text)?.parent == "00-\(Self.trace)-\(Self.span)-01")
        }
    }

    @Test(
        "that is malformed is none",
        arguments: [
            "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01x",
            "01-\(trace)-\(span)-01x", "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-001", "00-\(trace.uppercased())-\(span)-01",
            "00-\(trace)-\(span.uppercased())-01", "00-\(String(repeating: "0", count: 32))-\(span)-01",
            "00-\(trace)-\(String(repeating: "0", count: 16))-01", "00_\(trace)-\(span)-01", "00-\(trace)_\(span)-01",
            "00-\(trace)-\(span)_01", " 00-\(trace)-\(span)-01", "00-\(trace.dropLast())g-\(span)-01", "00-\(trace)-\(span)-0G",
            "00-\(trace.dropLast())é-\(span)-01", "0x-\(trace)-\(span)-01",
        ])
    func malformed(text: String) { #expect(TraceContext(parent: text) == nil) }

    @Test("in binary that is malformed is none")
    func malformedBinary() throws {
        let good = try #require(TraceContext(parent: "00-\(Self.trace)-\(Self.span)-01")).binary
        #expect(TraceContext(binary: good.dropLast()) == nil)
        #expect(TraceContext(binary: [UInt8]()) == nil)
        for at in [0, 1, 18, 27] {
            var bad = good
            bad[at] = 9
            #expect(TraceContext(binary: bad) == nil)
        }
        var empty = good
        for at in 2..<18 { empty[at] = 0 }
        #expect(TraceContext(binary: empty) == nil)
        var spanless = good
        for at in 19..<27 { spanless[at] = 0 }
        #expect(TraceContext(binary: spanless) == nil)
    }

    @Test(
        "state is checked as a whole",
        arguments: [
            ("a=1", "a=1"), (" a=1 ,\tb=2 ", "a=1,b=2"), ("a=1,,b=2,", "a=1,b=2"), ("t1@v=x y", "t1@v=x y"), ("1t@v=x", "1t@v=x"),
            ("", ""), ("a", ""), ("a=", ""), ("=1", ""), ("A=1", ""), ("a=1,a=2", ""), ("a=1=2", ""), ("1a=2", ""), ("a=1,é=2", ""),
            ("a=é", ""), ("a@b@c=1", ""), ("a@=1", ""), ("a=1,b", ""),
            ((0..<32).map { "k\($0)=v" }.joined(separator: ","), (0..<32).map { "k\($0)=v" }.joined(separator: ",")),
            ((0..<33).map { "k\($0)=v" }.joined(separator: ","), ""), ("a=" + String(repeating: "x", count: 257), ""),
            ((0..<3).map { "k\($0)=" + String(repeating: "x", count: 200) }.joined(separator: ","), ""),
        ])
    func state(text: String, kept: String) { #expect(TraceState.checked(text) == kept) }
}

@Suite("Requests of a loop are followed")
struct LoopTracerTests {
    private final class Sink: SpanSink {
        let spans = Locked<[Span]>([])
        func put(_ span: Span) { spans.with { $0.append(span) } }
    }

    private func facts(_ name: String) -> LoopTracer.Facts { .init(name: name, kind: .client, wire: "http", code: "200") }

    @Test("the parent's word decides, then the rate by the trace's id")
    func sampling() throws {
        let sink = Sink()
        let tracer = LoopTracer(rules: TracingRules(rate: 0.25), sink: sink)
        var sampled = 0
        for _ in 0..<4000 {
            let one = tracer.begin(parent: nil, startedAt: monotonicNow())
            let context = try #require(one.live).context
            #expect(context.isSampled == (context.traceLow >> 1 < (UInt64(1) << 61)))
            if context.isSampled { sampled += 1 }
            tracer.end(one, at: monotonicNow(), failed: false) { facts("x") }
            #expect(one.live == nil)
        }
        #expect(sampled > 800 && sampled < 1200 && sink.spans.with { $0.count } == sampled && tracer.underWay == 0)
        for isSampled in [true, false] {
            let parent = TraceContext(traceHigh: 1, traceLow: isSampled ? .max : 1, span: 7, isSampled: isSampled, state: "a=b")
            let one = tracer.begin(parent: parent, startedAt: monotonicNow())
            let live = try #require(one.live)
            #expect(live.isRecorded == isSampled && live.parentSpan == 7 && live.context.span != 7 && live.context.state == "a=b")
            tracer.end(one, at: monotonicNow(), failed: false) { facts("x") }
        }
        let off = LoopTracer(rules: TracingRules(rate: 0), sink: sink)
        #expect(off.begin(parent: TraceContext(traceHigh: 1, traceLow: 1, span: 1, isSampled: true), startedAt: 1).live?.isRecorded == false)
    }

    @Test("component calls are children, also when they end after the request")
    func children() throws {
        let sink = Sink()
        let tracer = LoopTracer(rules: TracingRules(rate: 1), sink: sink)
        let one = tracer.begin(parent: nil, startedAt: monotonicNow())
        let began = tracer.with(one) { tracer.callBegan() }
        let call = try #require(began)
        let second = tracer.with(one) { tracer.callBegan() }
        let late = try #require(second)
        #expect(tracer.current == nil && tracer.callBegan() == nil)
        tracer.callEnded(call, failure: nil, waited: false) { ("store", "state.redis", "get") }
        let span = try #require(one.live).context.span
        tracer.end(one, at: monotonicNow(), failed: false) { facts("GET") }
        // The activity serves another request meanwhile.
        let next = tracer.begin(parent: nil, startedAt: monotonicNow())
        tracer.callEnded(late, failure: nil, waited: false) { ("store", "state.redis", "get") }
        tracer.end(next, at: monotonicNow(), failed: false) { facts("next") }
        let spans = sink.spans.with { $0 }
        #expect(spans.map(\.name) == ["state.redis/get", "GET", "next"])
        #expect(spans[0].parent == span && spans[0].context.traceID == spans[1].context.traceID && spans[0].end >= spans[0].start)
        #expect(spans[1].attributes.contains(SpanAttribute("db.name", "store")))
    }

    @Test("slow and failed ones are kept, so many of each, with their stages")
    func ring() throws {
        let ring = TraceRing(capacity: 4)
        let tracer = LoopTracer(rules: TracingRules(rate: 0, slow: .milliseconds(10)), ring: ring)
        let start = monotonicNow()
        for index in 0..<10 {
            let one = tracer.begin(parent: nil, startedAt: start)
            let live = try #require(one.live)
            live.move(to: .waiting, at: start + 1_000_000)
            live.move(to: .app, at: start + 4_000_000)
            tracer.end(one, at: start + (index == 0 ? 20_000_000 : 5_000_000), failed: index > 1) { facts("n\(index)") }
        }
        let entries = ring.entries
        #expect(entries.count == 5 && entries.count(where: \.isSlow) == 1 && entries.count(where: \.isFailed) == 4)
        let slowest = entries.filter(\.isSlow).first
        let slow = try #require(slowest)
        #expect(slow.nanoseconds == 20_000_000 && slow.name == "n0" && slow.traceID.count == 32)
        #expect(
            slow.stages == [
                StageTime(stage: .received, nanoseconds: 1_000_000), StageTime(stage: .waiting, nanoseconds: 3_000_000),
                StageTime(stage: .app, nanoseconds: 16_000_000),
            ])
    }
}

/// For tests.
private final class Locked<Value>: @unchecked Sendable {
    // Guarded: tests of this suite use one thread each.
    private var value: Value
    init(_ value: Value) { self.value = value }
    func with<Result>(_ body: (inout Value) -> Result) -> Result { body(&value) }
}
