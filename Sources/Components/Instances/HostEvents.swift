import COctavo
import COctavoHost
import Logging
import Telemetry

/// Takes what plugins tell the host (log lines, health) to where it belongs.
enum HostEvents {
    static func install() { _ = installed }

    private static let installed: Void = {
        var events = octavo_instance_events()
        events.log = { context, _, level, message, fields in
            guard let context else { return }
            let instance = Unmanaged<ComponentInstance>.fromOpaque(context).takeUnretainedValue()
            let level = HostEvents.level(level)
            guard instance.logger.logLevel <= level, let dropped = instance.logLimit.take() else { return }
            var metadata: Logger.Metadata = ["component": "\(instance.component)", "type": "\(instance.type.name)"]
            for pair in fields.elements(as: octavo_pair.self).prefix(32) {
                metadata[String(pair.name)] = "\(String(pair.value))"
            }
            if dropped > 0 { metadata["lines-dropped"] = "\(dropped)" }
            instance.logger.log(level: level, "\(String(message))", metadata: metadata)
        }
        events.log_enabled = { context, level in
            guard let context else { return 0 }
            let instance = Unmanaged<ComponentInstance>.fromOpaque(context).takeUnretainedValue()
            return instance.logger.logLevel <= HostEvents.level(level) ? 1 : 0
        }
        events.health = { context, state, reason in
            guard let context else { return }
            let instance = Unmanaged<ComponentInstance>.fromOpaque(context).takeUnretainedValue()
            let states: [ComponentHealth.State] = [.unknown, .healthy, .degraded, .unhealthy]
            instance.health.report(
                states.indices.contains(Int(state)) ? states[Int(state)] : .unknown,
                LogRedaction.shared.mask(String(reason)))
        }
        events.slow = { context, info, nanoseconds in
            guard let context else { return }
            let instance = Unmanaged<ComponentInstance>.fromOpaque(context).takeUnretainedValue()
            guard instance.logLimit.take() != nil else { return }
            instance.logger.warning(
                "an inline operation held up its event loop",
                metadata: [
                    "component": "\(instance.component)", "type": "\(instance.type.name)",
                    "operation": "\(info.map { String(cString: $0.pointee.name) } ?? "")",
                    "microseconds": "\(nanoseconds / 1000)",
                ])
        }
        octavo_recorder_take_threads(&events)
        octavo_instances_set_events(&events)
    }()

    /// The lowest `OCTAVO_LOG_*` that a logger of this level writes.
    static func level(of level: Logger.Level) -> Int32 {
        switch level {
        case .trace: OCTAVO_LOG_TRACE
        case .debug: OCTAVO_LOG_DEBUG
        case .info, .notice: OCTAVO_LOG_INFO
        case .warning: OCTAVO_LOG_WARNING
        case .error, .critical: OCTAVO_LOG_ERROR
        }
    }

    static func level(_ level: Int32) -> Logger.Level {
        switch level {
        case ...OCTAVO_LOG_TRACE: .trace
        case OCTAVO_LOG_DEBUG: .debug
        case OCTAVO_LOG_INFO: .info
        case OCTAVO_LOG_WARNING: .warning
        default: .error
        }
    }
}
