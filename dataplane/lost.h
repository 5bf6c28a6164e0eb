// Networks that nothing leads to now, though something should; see dp_lost_networks().
#ifndef VIGIL_DATAPLANE_LOST_H
#define VIGIL_DATAPLANE_LOST_H

#include "dp_internal.h"

// [C] Before any worker asks.
void lost_init(struct dp *dp);
// [C] No reader is left.
void lost_fini(struct dp *dp);
// [W] Is the destination of this family (4 or 6), in network order, in one of them?
bool lost_has(const struct dp *dp, uint8_t family, const void *dst);

#endif
