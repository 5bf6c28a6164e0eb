// ICMP of both families: how much of it the gateway sends.
#ifndef VIGIL_DATAPLANE_ICMP_H
#define VIGIL_DATAPLANE_ICMP_H

#include "worker.h"

// [W] One more error may go out (RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f)); counts one that may not.
bool icmp_may_send(struct worker *w);

#endif
