/* fnc_shared.c: what libraries of this process have in common, FNC_SHARED, as a unit of its own. */
#define FNC_LINKED 2
#include "fnc_steps.h"
