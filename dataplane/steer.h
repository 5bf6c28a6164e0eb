// Steering of inbound ESP by the NIC: rte_flow rules that match the owner in an SPI (spi.h) under a
// mask and choose a queue of that worker, so that nothing crosses between workers. [C]
#ifndef VIGIL_DATAPLANE_STEER_H
#define VIGIL_DATAPLANE_STEER_H

#include "dp_internal.h"

struct steer;

// Once a port has started and has its queues: asks its device for the rules. `vlans`: frames with a
// tag come too. What the device refuses, or that there is no memory, leaves the handoff rings to do
// the work.
void steer_start(struct dp *dp, uint16_t iface, bool vlans);
// Before it is stopped: takes all rules away again. A port that starts anew gets them anew.
void steer_stop(struct dp *dp, uint16_t iface);

// The worker for a new SA from `remote`: where its port steers this family, both native and in UDP,
// any worker with a queue may have it, and the one with the fewest takes it. False: no such port,
// so the SA should go where the port's own spreading brings it (port_worker_for).
bool steer_worker(const struct dp *dp, const struct ip_addr *remote, unsigned *worker);

#endif
