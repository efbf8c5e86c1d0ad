import CSQLite
import PluginKit

/// Does batches of writes on the one connection that writes. One thread at a time, as the queue says.
final class Writer {
    let connection: Connection
    private var etags = Etags()
    private let cleanupInterval: Int64
    private var nextCleanup: Int64

    init(_ settings: Settings) throws(PluginError) {
        connection = try Connection(settings)
        cleanupInterval = settings.cleanupInterval
        nextCleanup = 0
        try run(.begin)
        do throws(PluginError) {
            try connection.run(
                "CREATE TABLE IF NOT EXISTS \(settings.table) (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, "
                    + "is_binary BOOLEAN NOT NULL, etag TEXT NOT NULL, expiration_time TIMESTAMP DEFAULT NULL, "
                    + "update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)")
            try connection.run(
                "CREATE INDEX IF NOT EXISTS \(settings.table)_expiration ON \(settings.table) (expiration_time) "
                    + "WHERE expiration_time IS NOT NULL")
            try connection.run(
                "CREATE TABLE IF NOT EXISTS \(settings.metadataTable) (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)")
            try connection.run(
                "INSERT OR IGNORE INTO \(settings.metadataTable) (key, value) VALUES ('octavo-\(settings.table)', '1')")
            try IndexSchema.prepare(settings, connection)
            try run(.commit)
        } catch {
            rollback()
            throw error
        }
    }

    private enum Outcome {
        case written(etag: [UInt8])
        case done
        case count(UInt64)
        case results(WriteResults, etags: [[UInt8]])
        case failed(PluginError)
    }

    /// One transaction for all jobs; each is answered when it is safe on the disk.
    func perform(_ jobs: [WriteQueue.Job]) {
        do throws(PluginError) { try run(.begin) } catch {
            for job in jobs { job.call.fail(error) }
            return
        }
        let now = plugin_kit_wall()
        let moment = Moment(now)
        defer { moment.deallocate() }
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(jobs.count)
        for job in jobs {
            outcomes.append(perform(job, now, moment.text))
            if !connection.isInTransaction {
                // A full disk, for example, undoes the whole transaction.
                guard case .failed(let error) = outcomes[outcomes.count - 1] else { break }
                for job in jobs { job.call.fail(error) }
                return
            }
        }
        sweep(moment.text)
        do throws(PluginError) { try run(.commit) } catch {
            rollback()
            for job in jobs { job.call.fail(error) }
            return
        }
        for index in jobs.indices { answer(jobs[index], outcomes[index]) }
    }

    private func perform(_ job: WriteQueue.Job, _ now: Int64, _ moment: Str) -> Outcome {
        do throws(PluginError) {
            switch job.work {
            case .write(let item, let operation, _):
                guard let etag = try write(item.pointee, operation, now, moment) else { return .done }
                return .written(etag: etag)
            case .bulk(let request, let operation, _):
                return bulk(request.pointee.writes, operation, now, moment)
            case .transaction(let request, _):
                try transact(request.pointee.writes, now, moment)
                return .done
            case .removePrefix(let prefix, _):
                return .count(try removePrefix(prefix, moment))
            case .read(let body, _):
                try body(connection)
                return .done
            }
        } catch {
            return .failed(error)
        }
    }

    private func answer(_ job: WriteQueue.Job, _ outcome: Outcome) {
        if case .failed(let error) = outcome { return job.call.fail(error) }
        switch (job.work, outcome) {
        case (.write(_, _, let reply), .written(let etag)): etag.withUnsafeBytes { reply.written(etag: Str($0)) }
        case (.write(_, _, let reply), _): reply.done()
        case (.bulk(_, _, let reply), .results(let results, _)): results.send(reply)
        case (.removePrefix(_, let reply), .count(let count)): reply.count(count)
        case (.transaction(_, let reply), _): reply.done()
        default: break
        }
    }

    /// One write; its new etag, `nil` after a removal.
    private func write(
        _ item: octavo_state_write, _ operation: Int32, _ now: Int64, _ moment: Str
    ) throws(PluginError) -> [UInt8]? {
        if operation == OCTAVO_STATE_REMOVE {
            let statement = try connection.prepared(item.etag.isPresent ? .deleteIfMatch : .delete)
            bind(statement, 1, item.key)
            if item.etag.isPresent {
                bind(statement, 6, moment)
                bind(statement, 7, item.etag)
            }
            if try connection.change(statement) == 0, item.etag.isPresent { throw .etagMismatch }
            return nil
        }
        let isFirst = !item.etag.isPresent && item.concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE
        let statement = try connection.prepared(item.etag.isPresent ? .updateIfMatch : isFirst ? .insertFirst : .upsert)
        let etag = etags.make()
        let (end, overflow) = now.addingReportingOverflow(item.ttl_ns)
        let expires = item.ttl_ns > 0 ? Moment(overflow ? Int64.max : end) : nil
        let memory = Row.bindValue(statement, item.value)
        defer {
            expires?.deallocate()
            memory?.deallocate()
        }
        bind(statement, 1, item.key)
        if let expires { bind(statement, 5, expires.text) }
        if item.etag.isPresent { bind(statement, 7, item.etag) }
        if item.etag.isPresent || isFirst { bind(statement, 6, moment) }
        var failure: PluginError?
        var changed: Int64 = 0
        etag.withUnsafeBytes { bytes in
            bind(statement, 4, Str(bytes))
            do throws(PluginError) { changed = try connection.change(statement) } catch { failure = error }
        }
        if let failure { throw failure }
        if changed == 0 {
            if item.etag.isPresent { throw .etagMismatch } else { throw .keyExists }
        }
        return etag
    }

    private func bulk(_ writes: octavo_list, _ operation: Int32?, _ now: Int64, _ moment: Str) -> Outcome {
        let results = WriteResults(capacity: Int(writes.count))
        var kept: [[UInt8]] = []
        kept.reserveCapacity(Int(writes.count))
        for index in 0..<Int(writes.count) {
            let item = writes.at(index, as: octavo_state_write.self).pointee
            do throws(PluginError) {
                let etag = try write(item, operation ?? item.operation, now, moment) ?? []
                kept.append(etag)
                // The array's memory stays where it is while `kept` holds it.
                results.add(item.key, etag: etag.isEmpty ? .absent : etag.withUnsafeBytes { Str($0) })
            } catch {
                if !connection.isInTransaction { return .failed(error) }
                results.add(item.key, error: error)
            }
        }
        return .results(results, etags: kept)
    }

    private func transact(_ writes: octavo_list, _ now: Int64, _ moment: Str) throws(PluginError) {
        try run(.savepoint)
        for index in 0..<Int(writes.count) {
            let item = writes.at(index, as: octavo_state_write.self).pointee
            do throws(PluginError) { _ = try write(item, item.operation, now, moment) } catch {
                var failure = error
                failure.index = index
                if connection.isInTransaction {
                    try run(.rollbackToSavepoint)
                    try run(.releaseSavepoint)
                }
                throw failure
            }
        }
        try run(.releaseSavepoint)
    }

    private func removePrefix(_ prefix: Str, _ moment: Str) throws(PluginError) -> UInt64 {
        let range = PrefixRange(prefix)
        let live = try connection.prepared(.deletePrefix)
        range.bind(to: live)
        bind(live, 6, moment)
        let count = try connection.change(live)
        let rest = try connection.prepared(.deletePrefixExpired)
        range.bind(to: rest)
        _ = try connection.change(rest)
        return UInt64(count)
    }

    /// Deletes what has expired, when it is time. What fails here is tried again next time.
    private func sweep(_ moment: Str) {
        let now = plugin_kit_monotonic()
        guard cleanupInterval > 0, now >= nextCleanup else { return }
        nextCleanup = now + cleanupInterval
        do throws(PluginError) {
            let statement = try connection.prepared(.sweep)
            bind(statement, 6, moment)
            _ = try connection.change(statement)
        } catch {}
    }

    private func run(_ statement: Statement) throws(PluginError) {
        _ = try connection.change(connection.prepared(statement))
    }

    private func rollback() {
        if connection.isInTransaction {
            do throws(PluginError) { try run(.rollback) } catch {}
        }
    }
}
