// The same get as a unary call to a gRPC C++ service over a Unix socket, in another process: the way of plugins that are
// services of their own. The client is the synchronous one, with one call at a time.
//
//     grpc_unix FIRST SECOND     client on processor FIRST, server on SECOND; prints {"grpc_unix_us": N,
//                                "grpc_unix_paused_us": N}: the middle time of a call, one after the other, and with
//                                half a millisecond between two

#include <grpcpp/grpcpp.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "state.grpc.pb.h"

namespace {

using dapr::proto::runtime::v1::Dapr;
using dapr::proto::runtime::v1::GetStateRequest;
using dapr::proto::runtime::v1::GetStateResponse;
using Clock = std::chrono::steady_clock;

class StateService final : public Dapr::CallbackService {
  public:
    StateService() { items_["key-of-the-benchmark"] = std::string(64, 'v'); }

  private:
    grpc::ServerUnaryReactor *GetState(grpc::CallbackServerContext *context, const GetStateRequest *request,
                                       GetStateResponse *reply) override {
        auto found = items_.find(request->key());
        if (found != items_.end()) reply->set_data(found->second);
        auto *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

    std::unordered_map<std::string, std::string> items_;
};

void pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof set, &set);
}

[[noreturn]] void serve(const std::string &address, int processor) {
    pin(processor);
    StateService service;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server) _exit(1);
    server->Wait();
    _exit(0);
}

double measure(Dapr::Stub &stub, int calls, std::chrono::microseconds pause) {
    std::vector<double> times;
    GetStateRequest request;
    request.set_store_name("bench");
    request.set_key("key-of-the-benchmark");
    for (int i = 0; i < calls; i++) {
        if (pause.count() > 0) std::this_thread::sleep_for(pause);
        grpc::ClientContext context;
        GetStateResponse reply;
        auto begin = Clock::now();
        grpc::Status status = stub.GetState(&context, request, &reply);
        times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
        if (!status.ok() || reply.data().size() != 64) {
            std::fprintf(stderr, "grpc_unix: %s\n", status.error_message().c_str());
            std::exit(1);
        }
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

}  // namespace

int main(int count, char **words) {
    if (count != 3) return 2;
    std::string address = "unix:/tmp/octavo-bench-" + std::to_string(getpid());
    // Before the library has a thread.
    pid_t server = fork();
    if (server == 0) serve(address, std::atoi(words[2]));
    pin(std::atoi(words[1]));
    double hot = 0, paused = 0;
    {
        auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
        if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) return 1;
        auto stub = Dapr::NewStub(channel);
        measure(*stub, 2000, std::chrono::microseconds(0));
        hot = measure(*stub, 10000, std::chrono::microseconds(0));
        paused = measure(*stub, 1000, std::chrono::microseconds(500));
    }
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
    unlink(address.substr(5).c_str());
    std::printf("{\"grpc_unix_us\": %.3f, \"grpc_unix_paused_us\": %.3f}\n", hot, paused);
    return 0;
}
