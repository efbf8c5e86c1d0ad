/// Why a file is not, or can't become, a plugin of this runtime. Each description is one sentence with
/// the path, the cause and what to do.
package enum PluginError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadable(path: String, cause: String)
    case notRegular(path: String)
    case empty(path: String)
    case tooBig(path: String, bytes: Int)
    case writableByOthers(path: String, mode: String)
    case foreignOwner(path: String, owner: UInt32)
    case malformed(path: String, cause: String)
    case wrongType(path: String)
    case wrongMachine(path: String, machine: UInt16)
    case executableStack(path: String)
    case textRelocations(path: String)
    case noEntry(path: String)
    case newerABI(path: String, major: Int)
    case noteUnreadable(path: String)
    case isolatedOnly(path: String, cause: String)
    case staging(path: String, cause: String)
    case loading(path: String, cause: String)
    case entryReturnedNothing(path: String)
    case newerMinor(path: String, needs: UInt32, has: UInt32)
    case unknownFeatures(path: String, features: String)
    case tooShort(path: String, structure: String, size: UInt32, minimum: UInt32)
    case descriptor(path: String, cause: String)
    case startFailed(path: String, cause: String)
    case duplicatePlugin(path: String, id: String, other: String)
    case duplicateType(path: String, type: String, other: String)
    case changedSinceLoaded(path: String, id: String)
    case notFound(name: String, places: [String])

    package var description: String {
        switch self {
        case .unreadable(let path, let cause):
            "plugin \(path) can't be read: \(cause); make it readable for the user that runs Octavo"
        case .notRegular(let path): "plugin \(path) is not a regular file; put the shared object itself there"
        case .empty(let path): "plugin \(path) is empty; copy it again"
        case .tooBig(let path, let bytes):
            "plugin \(path) has \(bytes) bytes, more than the \(PluginFile.largest) that a plugin may have"
        case .writableByOthers(let path, let mode):
            "plugin \(path) may be written by everybody (mode \(mode)), so anybody could run code here; "
                + "chmod o-w it"
        case .foreignOwner(let path, let owner):
            "plugin \(path) belongs to user \(owner), who could change it at any time; chown it to root or to the "
                + "user that runs Octavo"
        case .malformed(let path, let cause): "plugin \(path) can't be used: \(cause); build or copy it again"
        case .wrongType(let path): "plugin \(path) is not a shared object; link it with -shared"
        case .wrongMachine(let path, let machine):
            "plugin \(path) is built for \(PluginInspection.machineName(machine)), this runtime runs on "
                + "\(PluginInspection.machineName(PluginInspection.ownMachine)); build it for that"
        case .executableStack(let path):
            "plugin \(path) asks for an executable stack; link it with -z noexecstack"
        case .textRelocations(let path): "plugin \(path) has text relocations; compile it with -fPIC"
        case .noEntry(let path):
            "plugin \(path) does not export octavo_plugin_v1; export it, or take the file out of the plugins folder"
        case .newerABI(let path, let major):
            "plugin \(path) needs a runtime with plugin ABI \(major), this one has 1; update Octavo or build the "
                + "plugin against ABI 1"
        case .noteUnreadable(let path):
            "plugin \(path) has a note section that can't be read; write it with OCTAVO_NOTE"
        case .isolatedOnly(let path, let cause):
            "plugin \(path) can't be loaded into the runtime: \(cause), which takes over signals and threads; run it "
                + "isolated"
        case .staging(let path, let cause):
            "plugin \(path) can't be copied to the data folder: \(cause); check its space and rights"
        case .loading(let path, let cause): "plugin \(path) can't be loaded: \(cause)"
        case .entryReturnedNothing(let path):
            "plugin \(path): octavo_plugin_v1 returned no descriptor, so it refuses this machine; ask its vendor"
        case .newerMinor(let path, let needs, let has):
            "plugin \(path) needs plugin ABI 1.\(needs), this runtime has 1.\(has); update Octavo"
        case .unknownFeatures(let path, let features):
            "plugin \(path) requires features that this runtime does not have: \(features); update Octavo"
        case .tooShort(let path, let structure, let size, let minimum):
            "plugin \(path): its \(structure) says it has \(size) bytes, ABI 1 needs at least \(minimum); build it "
                + "against the headers of this release"
        case .descriptor(let path, let cause): "plugin \(path) describes itself wrongly: \(cause)"
        case .startFailed(let path, let cause): "plugin \(path) did not start: \(cause)"
        case .duplicatePlugin(let path, let id, let other):
            "plugin \(path) has the id \(id) of \(other), which came first; remove one of them"
        case .duplicateType(let path, let type, let other):
            "plugin \(path) offers \(type), which \(other) offers already; remove one of them"
        case .changedSinceLoaded(let path, let id):
            "plugin \(id) is loaded already, and \(path) has changed since; take the new build in with `octavo plugin "
                + "reload \(id)`"
        case .notFound(let name, let places):
            "there is no plugin \(name) in \(places.joined(separator: ", ")); see `octavo plugin list`"
        }
    }
}
