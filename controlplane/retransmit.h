// Messages that are sent again until they are answered (RFC 2408, 5.1), and answers that are sent
// again when the question comes again. Control core only.
#ifndef VIGIL_RETRANSMIT_H
#define VIGIL_RETRANSMIT_H

#include "ike_sa.h"
#include "types.h"
#include "wheel.h"

struct control;

struct retransmit {
	struct wheel_timer timer; // armed in retransmit.c only
	struct ike_sa *sa;
	uint8_t *message; // as it went out; NULL = none yet
	uint16_t len;
	uint16_t to_port; // where it goes; 0 = to the IKE SA's
	uint8_t sends;
	bool unsent;  // the newest sending was refused: for want of a route, or
	bool full;    // because the way out was full
	tick_t until; // when the next sending is due, or the end
	bool hurry;   // not to be sent again
	bool repeat;  // we wait for an answer; else the other side repeats, and we answer again
	uint8_t request[IKE_NODE_HASH]; // hash of what it answers
	void (*give_up)(struct control *c, struct retransmit *r);
	void (*repeated)(struct control *c, struct retransmit *r); // after each; NULL = nobody asks
};

// Sends a message and remembers it in place of the one before. `repeat`: sent again after waits of
// 1, 2, 4 and 8 seconds, and 8 seconds more for the answer; what does not leave is tried more
// often, and its wait begins when it has left. Else kept for 30 seconds. Then give_up is called. 0
// or -ENOMEM: it is not sent either.
int retransmit_start(struct control *c, struct retransmit *r, struct ike_sa *sa,
                     const void *message, uint16_t len, bool repeat,
                     void (*give_up)(struct control *c, struct retransmit *r));
// The question came again: answers once more, and leaves the schedule alone.
void retransmit_answer(struct control *c, struct retransmit *r);
// Without a message: wait_over is called after `wait` ticks, in the place of give_up.
void retransmit_wait(struct control *c, struct retransmit *r, struct ike_sa *sa, tick_t wait,
                     void (*wait_over)(struct control *c, struct retransmit *r));
// The answer is there: nothing more is sent by the timer, but give_up still comes unless the next
// message is sent within 30 seconds.
void retransmit_pause(struct control *c, struct retransmit *r);
// The other side seems to refuse, but nothing proves that it was it: what we sent last gets the
// wait that runs now, and no further ones.
void retransmit_hurry(struct retransmit *r);
// The end; give_up will not be called.
void retransmit_stop(struct control *c, struct retransmit *r);

#endif
