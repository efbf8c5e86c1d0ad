/// What is delivered to the app on one event loop without its asking: topics, input bindings. On that loop.
package protocol AppDeliveries: AnyObject {
    /// Fetches nothing more; `done` is called when the app has answered what it was given.
    func drain(_ done: @escaping () -> Void)
    /// What the app has not answered comes again.
    func end()
}
