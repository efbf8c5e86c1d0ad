/// Secrets that change while the runtime runs: a component whose configuration names one is made anew with the new value.
extension ComponentStore {
    /// Reads the secrets that components name again and again, until the store ends. Each component by itself: a secret
    /// store that does not answer keeps those of others from nothing.
    package func followSecrets() async {
        guard let interval = options.secretInterval else { return }
        while !isStopping {
            // Varied, so that runtimes that were started together don't ask together.
            guard (try? await Task.sleep(for: interval * Double.random(in: 0.9...1.1))) != nil else { return }
            for (name, entry) in components where entry.definition.namesSecrets && !entry.isRenewing { renewNow(name) }
        }
    }

    /// Reads the secrets of a component again in the background. One that is being read for is read for once more.
    func renewNow(_ name: String) {
        guard let entry = components[name], entry.definition.namesSecrets, !isStopping else { return }
        // What is being started has read some that may be old by now.
        components[name]?.isToRenew = true
        guard !entry.isRenewing, entry.state != .starting else { return }
        components[name]?.isRenewing = true
        Task {
            while let entry = components[name], entry.isToRenew, !isStopping {
                components[name]?.isToRenew = false
                await renew(name, serial: entry.serial)
            }
            components[name]?.isRenewing = false
        }
    }

    private func renew(_ name: String, serial: Int) async {
        guard let written = components[name]?.definition, isSettled(name, serial) else { return }
        let fresh: ComponentDefinition
        do throws(StartFailure) {
            fresh = try await resolved(written)
        } catch {
            // One that has failed says so already.
            if components[name]?.state == .ready { note(secretTrouble: error.message, of: name) }
            return
        }
        guard isSettled(name, serial), let entry = components[name], entry.definition == written, !isStopping else { return }
        let used = entry.state == .ready ? entry.instance?.secretPrint : entry.secretPrint
        guard used != fresh.secretPrint else { return note(secretTrouble: nil, of: name) }
        logger.info("the secrets of a component have changed", metadata: ["component": "\(name)", "type": "\(written.type)"])
        do throws(StoreError) {
            try await replace(written)
            note(secretTrouble: nil, of: name)
        } catch {
            note(secretTrouble: error.description, of: name)
        }
    }

    /// What tries to start reads its secrets anyway.
    private func isSettled(_ name: String, _ serial: Int) -> Bool {
        guard let entry = components[name], entry.serial == serial else { return false }
        return entry.state == .ready || entry.state == .failed
    }

    /// The component goes on with the secrets that it has; said once for each cause, and when it is over.
    private func note(secretTrouble cause: String?, of name: String) {
        guard let entry = components[name], entry.secretTrouble != cause else { return }
        components[name]?.secretTrouble = cause
        // What the resources were refused for is another matter.
        if entry.refusal == nil || entry.refusal == entry.secretTrouble { components[name]?.refusal = cause }
        guard let cause else { return }
        logger.error(
            "a component goes on with the secrets that it has; new ones are tried again",
            metadata: ["component": "\(name)", "type": "\(entry.definition.type)", "cause": "\(cause)"])
    }
}

extension ComponentDefinition {
    /// Whether a setting of it is read from a secret store.
    var namesSecrets: Bool { metadata.contains { $0.reference != nil } }

    /// Tells its secrets from others, once they are read, without holding them; another one in each process.
    var secretPrint: Int {
        var hasher = Hasher()
        for setting in metadata where setting.reference != nil {
            hasher.combine(setting.name)
            hasher.combine(setting.value)
        }
        return hasher.finalize()
    }
}
