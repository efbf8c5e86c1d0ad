import Arguments
import Console
import Glibc

/// The process: arguments in, text and an exit code out.
@main
enum Main {
    static func main() async {
        let outcome = await Outcome.running(Array(CommandLine.arguments.dropFirst()))
        Terminal.write(outcome.output, to: STDOUT_FILENO)
        Terminal.write(outcome.errors, to: STDERR_FILENO)
        exit(outcome.code)
    }
}
