#include <octavo/octavo.h>
