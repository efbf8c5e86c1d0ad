import COctavo
import Components

extension StateStore {
    /// The writes as the store is to keep them. `nil` when that is not possible; then `done` has been told.
    func encrypted(
        _ writes: [StateWrite], _ operation: StateFailure.Operation, _ done: StateAPI.Written
    ) -> [StateWrite]? {
        guard let encryption else { return writes }
        var writes = writes
        for index in writes.indices where !writes[index].isRemoval {
            do throws(ValueEncryption.Failure) {
                writes[index].value = try encryption.encrypted(writes[index].value)
            } catch {
                done(
                    .component(
                        store: name, operation: operation, key: writes[index].key,
                        error: failure(OCTAVO_CODE_INTERNAL, "ENCRYPTION_FAILED", error)))
                return nil
            }
        }
        return writes
    }

    /// An item of many as the app saved it, or with the error in it.
    func decrypted(_ item: StateItem) -> StateItem {
        guard let encryption, item.isFound else { return item }
        var item = item
        switch item.value.withUnsafeBytes({ encryption.decrypted($0) }) {
        case .success(let plain): item.value = plain
        case .failure(let failure):
            item = StateItem(key: item.key)
            item.error = failure.cause
        }
        return item
    }

    func failure(_ code: Int32, _ reason: String, _ failure: ValueEncryption.Failure) -> CallError {
        var error = CallError(code: code, reason: reason, message: failure.cause)
        error.component = name
        error.type = ref.type
        return error
    }
}

/// Stands before the waiter of a single read and gives it what the app saved.
final class DecryptingWaiter: CallWaiter {
    private let waiter: CallWaiter
    private let encryption: ValueEncryption
    private let store: StateStore

    /// `encryption` is the store's when the read began: a value that an instance gave is read with its keys.
    init(_ waiter: CallWaiter, _ encryption: ValueEncryption, _ store: StateStore) {
        self.waiter = waiter
        self.encryption = encryption
        self.store = store
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        guard let reply else { return waiter.completed(nil) }
        var found = reply.loadUnaligned(as: octavo_state_get_reply.self)
        guard found.flags & UInt32(OCTAVO_STATE_FOUND) != 0 else { return waiter.completed(reply) }
        switch encryption.decrypted(found.value.bytes) {
        case .success(var plain):
            // One byte more, so that an empty value has an address, which tells it from an absent one.
            plain.append(0)
            plain.withUnsafeBufferPointer {
                found.value = octavo_bytes(data: $0.baseAddress, size: UInt64($0.count - 1))
                withUnsafePointer(to: &found) { waiter.completed(UnsafeRawPointer($0)) }
            }
        case .failure(let failure):
            waiter.failed(store.failure(OCTAVO_CODE_DATA_LOSS, "DECRYPTION_FAILED", failure))
        }
    }

    override func failed(_ error: CallError) { waiter.failed(error) }
}
