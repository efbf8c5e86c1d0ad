// State calls served by grpc C++ with its callback API: what a careful server on the stock library reaches. One hash
// map behind one lock; its thread count is held down so that it uses one core as the others do.
//
//     grpc_state      listens on a free port of 127.0.0.1 and prints "port N"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <unordered_map>

#include "state.grpc.pb.h"

namespace {

using dapr::proto::runtime::v1::Dapr;
using dapr::proto::runtime::v1::GetStateRequest;
using dapr::proto::runtime::v1::GetStateResponse;
using dapr::proto::runtime::v1::SaveStateRequest;

class StateService final : public Dapr::CallbackService {
    grpc::ServerUnaryReactor *GetState(grpc::CallbackServerContext *context, const GetStateRequest *request,
                                       GetStateResponse *reply) override {
        {
            std::lock_guard<std::mutex> guard(lock_);
            auto found = items_.find(request->key());
            if (found != items_.end()) {
                reply->set_data(found->second.value);
                reply->set_etag(std::to_string(found->second.version));
            }
        }
        return finish(context);
    }

    grpc::ServerUnaryReactor *SaveState(grpc::CallbackServerContext *context, const SaveStateRequest *request,
                                        google::protobuf::Empty *) override {
        {
            std::lock_guard<std::mutex> guard(lock_);
            for (const auto &state : request->states()) {
                Item &item = items_[state.key()];
                item.value = state.value();
                item.version++;
            }
        }
        return finish(context);
    }

    static grpc::ServerUnaryReactor *finish(grpc::CallbackServerContext *context) {
        auto *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

    struct Item {
        std::string value;
        std::uint64_t version = 0;
    };
    std::mutex lock_;
    std::unordered_map<std::string, Item> items_;
};

}  // namespace

int main() {
    StateService service;
    int port = 0;
    grpc::ResourceQuota quota;
    quota.SetMaxThreads(1);
    grpc::ServerBuilder builder;
    builder.SetResourceQuota(quota);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server || port == 0) {
        std::fprintf(stderr, "grpc_state: cannot listen on 127.0.0.1\n");
        return 1;
    }
    std::printf("port %d\n", port);
    std::fflush(stdout);
    server->Wait();
    return 0;
}
