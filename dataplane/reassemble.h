// Fragments to the gateway's own addresses. What is forwarded in clear stays as it is.
#ifndef VIGIL_DATAPLANE_REASSEMBLE_H
#define VIGIL_DATAPLANE_REASSEMBLE_H

#include "worker.h"

// Largest packet that is put together; packets of dp->pool_big have room for it.
#define REASSEMBLE_MAX 12288u

// [C] Before launch and after the end. 0 or -errno.
int reassemble_init(struct worker *w);
void reassemble_fini(struct worker *w);
// [W] Once a tick: drops what waits too long.
void reassemble_tick(struct worker *w);

#endif
