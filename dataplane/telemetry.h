// What workers do and drop, for DPDK's telemetry socket (dpdk-telemetry.py -f vigil-PID).
#ifndef VIGIL_DATAPLANE_TELEMETRY_H
#define VIGIL_DATAPLANE_TELEMETRY_H

struct dp;

// [C] From now on the commands answer from dp; it must have its workers. Until then, and after
// telemetry_stop(), they answer null. Without EAL's socket nobody asks.
void telemetry_start(struct dp *dp);
// [C] Waits for an answer that is being made.
void telemetry_stop(void);

#endif
