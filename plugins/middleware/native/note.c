#include <octavo/octavo.h>

OCTAVO_NOTE("middleware", "1.0.0", 1u << OCTAVO_KIND_FILTER, OCTAVO_PLUGIN_UNLOADABLE,
            "middleware.http.ratelimit\0middleware.http.routeralias\0middleware.http.routerchecker\0middleware.http.cors\0"
            "middleware.http.bearer\0middleware.http.oauth2clientcredentials\0middleware.http.uppercase");
