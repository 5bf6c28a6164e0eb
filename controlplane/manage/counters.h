// What the counting commands show: the dataplane's and the control core's counters less what they
// were when somebody cleared them, and how busy each core was of late. Control core only. What
// decides about peers (dp_punt_losses and the like) is never cleared.
#ifndef VIGIL_MANAGE_COUNTERS_H
#define VIGIL_MANAGE_COUNTERS_H

#include "view.h"

struct control;
struct control_counters;
struct counters;

// For c->dp, whose number of workers stays; subinterfaces come and go. NULL: no memory.
struct counters *counters_create(const struct control *c);
void counters_destroy(struct counters *counters);

// The end of a turn of the control core that began at `start` (dp_now_us()). Every five seconds
// the usage of all cores is brought up to date.
void counters_turn(struct control *c, uint64_t start, bool worked);

// Since the last clearing.
uint64_t counters_worker(const struct control *c, unsigned worker, unsigned counter);
void counters_worker_stats(const struct control *c, unsigned worker, struct dp_worker_stats *out);
void counters_control(const struct control *c, struct control_counters *out);
uint64_t counters_losses(const struct control *c);
void counters_interface(const struct control *c, uint16_t iface, struct dp_iface_info *out);
// Seconds since an interface's counters were cleared, VIEW_NONE = never.
uint32_t counters_cleared(const struct control *c, uint16_t iface);
// Shares of the last five seconds, minute and five minutes.
struct usage_view counters_worker_usage(const struct control *c, unsigned worker);
struct usage_view counters_control_usage(const struct control *c);

void counters_clear_interface(struct control *c, uint16_t iface);
void counters_clear_worker(struct control *c, unsigned worker);
void counters_clear_control(struct control *c);

#endif
