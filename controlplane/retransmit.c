// Retransmission of IKE messages. Control core only. The only file that arms a retransmission
// timer; must not know what a message means.
#include "retransmit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "ike1/output.h"
#include "ike_debug.h"
#include "peer_timers.h"

// Every duration of this file, in seconds: the waits after each sending of a message, and how long
// the side that only answers keeps an exchange.
static const uint8_t waits[] = {1, 2, 4, 8, 8};
#define ANSWERER_WAITS 30
#define UNSENT_WAITS   ticks_from_ms(100)

static void send_out(struct control *c, struct retransmit *r)
{
	int err = output_send_to(c, r->sa, r->to_port, r->message, r->len);

	r->full = err == -EAGAIN;
	r->unsent = r->full || err == -EHOSTUNREACH;
}

static void expired_retransmit(void *ctx, struct wheel_timer *t);

// What did not leave is tried again until it does, or the next sending is due anyway.
static void wait_until(struct control *c, struct retransmit *r, tick_t at)
{
	r->until = at;
	if (r->unsent && r->repeat && tick_before(c->now + UNSENT_WAITS, at))
		at = c->now + UNSENT_WAITS;
	wheel_arm(&c->wheel, &r->timer, at, expired_retransmit);
}

static void try_again(struct control *c, struct retransmit *r)
{
	send_out(c, r);
	wait_until(c, r, r->unsent ? r->until : c->now + ticks_from_seconds(waits[r->sends - 1]));
}

static void expired_retransmit(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct retransmit *r = container_of(t, struct retransmit, timer);

	if (r->repeat && r->unsent && tick_before(c->now, r->until)) {
		try_again(c, r);
		return;
	}
	if (!r->repeat || r->hurry || r->sends >= sizeof(waits)) {
		r->give_up(c, r);
		return;
	}
	ike_debug_line(c, r->sa, "incrementing error counter on sa, attempt %u of %zu: retransmit",
	               r->sends, sizeof(waits));
	c->counters.ike_retransmits++;
	if (r->sends == 2)
		on_no_answer(c, r->sa->peer);
	send_out(c, r);
	wait_until(c, r, c->now + ticks_from_seconds(waits[r->sends++]));
	if (r->repeated)
		r->repeated(c, r);
}

int retransmit_start(struct control *c, struct retransmit *r, struct ike_sa *sa,
                     const void *message, uint16_t len, bool repeat,
                     void (*give_up)(struct control *c, struct retransmit *r))
{
	uint8_t *copy = malloc(len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, message, len);
	free(r->message);
	r->message = copy;
	r->len = len;
	r->sa = sa;
	r->repeat = repeat;
	r->sends = 1;
	r->hurry = false;
	r->give_up = give_up;
	send_out(c, r);
	wait_until(c, r, c->now + ticks_from_seconds(repeat ? waits[0] : ANSWERER_WAITS));
	return 0;
}

void retransmit_answer(struct control *c, struct retransmit *r)
{
	c->counters.ike_duplicates++;
	if (r->message)
		output_send_to(c, r->sa, r->to_port, r->message, r->len);
}

void retransmit_pause(struct control *c, struct retransmit *r)
{
	r->repeat = false;
	wheel_arm(&c->wheel, &r->timer, c->now + ticks_from_seconds(ANSWERER_WAITS),
	          expired_retransmit);
}

void retransmit_wait(struct control *c, struct retransmit *r, struct ike_sa *sa, tick_t wait,
                     void (*wait_over)(struct control *c, struct retransmit *r))
{
	r->sa = sa;
	r->repeat = false;
	r->give_up = wait_over;
	wheel_arm(&c->wheel, &r->timer, c->now + wait, expired_retransmit);
}

void retransmit_hurry(struct retransmit *r)
{
	r->hurry = true;
}

void retransmit_stop(struct control *c, struct retransmit *r)
{
	wheel_cancel(&c->wheel, &r->timer);
	free(r->message);
	r->message = NULL;
	r->len = 0;
}
