// The control core's loop: one budgeted turn after the other. Control core only.
#ifndef VIGIL_LOOP_H
#define VIGIL_LOOP_H

#include <stdbool.h>

struct control;

// Starts the tick of the timer wheel (an rte_timer of the dataplane). 0 or -errno.
int loop_init(struct control *c);
// One turn: dataplane events, IKE input (established peers first), finished Diffie-Hellman jobs,
// timers, requests of the helper threads. True if it found something to do.
bool loop_turn(struct control *c);
// Turns until *stop is set.
void loop_run(struct control *c, volatile const int *stop);
// Tears all peers down with Delete payloads and turns until the workers have let go of every SA,
// for at most max_ms.
void loop_drain(struct control *c, unsigned max_ms);

#endif
