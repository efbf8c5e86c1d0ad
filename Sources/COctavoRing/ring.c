#include "octavo_ring.h"
