// The control core's loop: one budgeted turn after the other. Control core only.
#ifndef VIGIL_LOOP_H
#define VIGIL_LOOP_H

#include <stdbool.h>

struct control;

// Starts the tick of the timer wheel (an rte_timer of the dataplane). 0 or -errno.
int loop_init(struct control *c);
// One turn: its parts, each within its budget, in the order of enum turn_part (established peers
// before strangers). True if it found something to do.
bool loop_turn(struct control *c);
// Turns until *stop is set.
void loop_run(struct control *c, volatile const int *stop);
// Tears all peers down and turns until the workers have let go of every SA and all Delete payloads
// are out; not longer than max_ms, nor for stuck_ms without a step.
void loop_drain(struct control *c, unsigned stuck_ms, unsigned max_ms);

#endif
