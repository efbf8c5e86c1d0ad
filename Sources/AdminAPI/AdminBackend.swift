/// What the runtime can tell about itself and be told to do by its operator.
///
/// The server half of the admin API calls it, one task a request; implementations guard their own state.
/// Every function throws `AdminError` and nothing else that a caller should see: any other error reaches the
/// operator as `INTERNAL`.
package protocol AdminBackend: Sendable {
    /// The runtime as a whole.
    func status() async throws -> RuntimeStatus

    /// All plugins, also those that were rejected, in the order of their names.
    func plugins() async throws -> [PluginSummary]
    /// One plugin in full. `NOT_FOUND` when there is none of that name.
    func plugin(named name: String) async throws -> PluginDescription
    /// Loads a plugin from a file of the runtime's machine. `CONFLICT` when its name is taken.
    func loadPlugin(file: String) async throws -> PluginChange
    /// Puts a new generation beside the running one, moves the components over and retires the old one.
    ///
    /// - Parameter file: the new shared object; nil reads the plugin's own file again.
    func reloadPlugin(named name: String, file: String?) async throws -> PluginChange
    /// Drains and stops the plugin's components and forgets it. `CONFLICT` when a component still needs it
    /// and `force` is false.
    func unloadPlugin(named name: String, force: Bool) async throws -> PluginChange

    /// Ends the process of an isolated plugin and starts another. `CONFLICT` when it runs in this process.
    func restartPlugin(named name: String) async throws -> PluginChange
    /// Where a plugin runs from now on: `process`, `none`, or nil for what command line and configuration say.
    func isolatePlugin(named name: String, mode: String?) async throws -> PluginChange
    /// Requests that are refused because they have killed their plugin's process.
    func quarantine() async throws -> [QuarantinedRequest]
    /// Lets them through again: of one plugin, one of them, or all; how many were refused.
    func clearQuarantine(plugin: String?, id: String?) async throws -> Int
    /// How processes of isolated plugins have died, the newest first.
    func crashes() async throws -> [CrashReport]

    /// All components, also those that failed, in the order of their names.
    func components() async throws -> [ComponentSummary]
    /// One component in full. `NOT_FOUND` when there is none of that name.
    func component(named name: String) async throws -> ComponentDescription

    /// Reads the resource files again, takes in what is different, and waits for it.
    func reloadResources() async throws -> ResourcesChange

    /// The topics that the app hears of, and what each subscription is doing.
    func subscriptions() async throws -> [SubscriptionSummary]

    /// The policies of calls that are at work, by target.
    func policies() async throws -> [PolicySummary]
    /// What happens to a call of a target. `kind`: `app` or `component`; `direction`: `outbound`, which it is without one, or `inbound`.
    /// `INVALID` for others, `NOT_FOUND` for a component that there is not.
    func policy(kind: String, name: String, direction: String?) async throws -> PolicyExplanation

    /// Reads a key of a state store as an app with this runtime's app id would. A key that does not exist is
    /// nil, an unknown store `NOT_FOUND`.
    func stateItem(store: String, key: String) async throws -> StateItem?
    /// Writes a key. `CONFLICT` when the etag does not match.
    func setStateItem(store: String, key: String, write: StateWrite) async throws
    /// Deletes a key; succeeds when it does not exist. `CONFLICT` when the etag does not match.
    func deleteStateItem(store: String, key: String, etag: String?) async throws

    /// The last requests that were slow or failed, the newest first.
    func traces() async throws -> TraceList
    /// The last lines of the log behind number `after`.
    func logs(after: Int64) async throws -> LogList
    /// What APIs, components and apps have done.
    func load() async throws -> LoadList

    /// Looks for what keeps this runtime from working well: worst first, empty when nothing was found.
    func doctor() async throws -> [DoctorFinding]

    /// The metrics page, in the Prometheus text format 0.0.4.
    func metricsPage() async throws -> [UInt8]
}
