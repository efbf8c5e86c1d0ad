import DaprProtos
import EveryKind
import Foundation
import ProtoWire
import Testing

/// The repository of these tests.
private let root = String(#filePath.dropLast("/Tests/ProtoWireTests/ExchangeTests.swift".count))
private let python = root + "/.build-python/bin/python"

private let testMessages: [any Message.Type] = [
    Octavo_Testing_Every.self, Octavo_Testing_Optional.self, Octavo_Testing_Lists.self, Octavo_Testing_Maps.self,
    Octavo_Testing_Choice.self, Octavo_Testing_Part.self, Octavo_Testing_Tree.self, Octavo_Testing_Detour.self,
    Octavo_Testing_Nothing.self, Octavo_Testing_Names.self,
]

@Suite(
    "Messages are exchanged with the Python implementation",
    .enabled(if: FileManager.default.isExecutableFile(atPath: python), "tools/setup test installs it"))
struct ExchangeTests {
    /// A failure names its seed; OCTAVO_SEED takes it back.
    private static let seed =
        ProcessInfo.processInfo.environment["OCTAVO_SEED"].flatMap { UInt32($0) } ?? .random(in: 0...UInt32.max)

    /// Half of the messages are damaged: both sides must agree on whether they still are messages, and on what is
    /// in them.
    @Test("Random messages of every generated type mean the same on both sides", arguments: [1, 2, seed])
    func exchange(seed: UInt32) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/octavo-exchange-\(getpid())-\(seed)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let types = testMessages + daprMessages
        try write(descriptors(), to: folder + "/set")
        try write(Data(types.map { $0.protoMessageName + "\n" }.joined().utf8), to: folder + "/names")
        let made = try run(["make", folder + "/set", folder + "/names", "\(seed)", "60", folder + "/given"])
        try #require(made.code == 0, "\(made.output)")

        let given = records(try Data(contentsOf: URL(filePath: folder + "/given")))
        let byName = Dictionary(uniqueKeysWithValues: types.map { ($0.protoMessageName, $0) })
        var answers = Data()
        for index in stride(from: 0, to: given.count, by: 2) {
            let type = try #require(byName[String(decoding: given[index], as: UTF8.self)])
            append(answer(type, given[index + 1]), to: &answers)
        }
        try write(answers, to: folder + "/answers")
        let checked = try run(["check", folder + "/set", folder + "/given", folder + "/answers"])
        #expect(checked.code == 0, "seed \(seed): \(checked.output)")
        #expect(given.count == 2 * 60 * types.count)
    }

    private func answer(_ type: any Message.Type, _ bytes: [UInt8]) -> [UInt8] {
        guard let message = try? type.init(serializedBytes: bytes) else { return [0] }
        return [1] + message.serializedBytes()
    }

    /// Field 1 of a set is a file; sets that are put together are one set.
    private func descriptors() throws -> Data {
        var set = try Data(contentsOf: URL(filePath: root + "/Tests/EveryKind/every_kind.binpb"))
        for file in DaprDescriptors.decoded() {
            set.append(0x0a)
            var length = file.count
            while length >= 0x80 {
                set.append(UInt8(length & 0x7f | 0x80))
                length >>= 7
            }
            set.append(UInt8(length))
            set.append(contentsOf: file)
        }
        return set
    }

    private func records(_ data: Data) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var at = data.startIndex
        while at < data.endIndex {
            let size = (0..<4).reduce(0) { $0 | Int(data[at + $1]) << (8 * $1) }
            records.append([UInt8](data[at + 4..<at + 4 + size]))
            at += 4 + size
        }
        return records
    }

    private func append(_ record: [UInt8], to data: inout Data) {
        for shift in [0, 8, 16, 24] { data.append(UInt8(truncatingIfNeeded: record.count >> shift)) }
        data.append(contentsOf: record)
    }

    private func write(_ data: Data, to path: String) throws { try data.write(to: URL(filePath: path)) }

    private func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [root + "/Tests/ProtoWireTests/exchange.py"] + arguments
        process.environment = ["PYTHONDONTWRITEBYTECODE": "1"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}
