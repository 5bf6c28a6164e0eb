// The timers of children: see peer_timers.h. Control core only.
//
//   rekey           a successor is negotiated.
//   expire          the end of a child: its lifetime, or soon after its successor took over.
//   start.activate  as initiator of a quick mode: its outbound SA takes over. And our last message
//                   is sent again, while nothing shows that the peer has it: some repeat theirs
//                   only until they have sent another (strongSwan).
//   path.age        the path MTU that was learned is forgotten.
//
// What the last two need is there while they are needed: of a million children few are being begun,
// or have a path that is narrower than it looks.
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "manual.h"
#include "peer.h"
#include "peer_timers.h"
#include "renewal.h"

// Every duration of this file. Lifetimes come from the configuration.
#define ACTIVATE_FIRST   ticks_from_ms(50)     // the peer installs its SAs on our last message
#define ACTIVATE_REKEY   ticks_from_seconds(5) // that message may have to be sent again
#define THIRD_AGAIN      ticks_from_seconds(1) // message 3; then after twice and four times as long
#define THIRDS_MAX       3u
#define YOUNG            ticks_from_seconds(10) // its last message may not have arrived yet
#define QUICK_MODE_LASTS ticks_from_seconds(60) // at most, with all repetitions
#define OLD_CHILD_STAYS  ticks_from_seconds(10)
#define TWINS_WITHIN     ticks_from_seconds(30)
#define REKEY_SOON       ticks_from_ms(200)
// Both sides may know that children are to be renewed: who has begun phase 1 goes first.
#define RENEW_AS_RESPONDER ticks_from_seconds(3)
#define PATH_MTU_AGE       ticks_from_seconds(600) // RFC 1191, 6.3

// One with a short lifetime may be due before it has taken over from its predecessor: then soon.
static void expired_child_rekey(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct child *ch = container_of(t, struct child, rekey);

	if (ch->state < CHILD_LIVE)
		wheel_arm(&c->wheel, t, c->now + REKEY_SOON, expired_child_rekey);
	else
		child_rekey(c, ch);
}

static void expired_child(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct child *ch = container_of(t, struct child, expire);
	struct peer *p = ch->peer;

	child_delete(c, ch, true, "lifetime");
	peer_release(c, p);
}

int child_timers_begin(struct child *ch)
{
	ch->start = calloc(1, sizeof(*ch->start));
	if (!ch->start)
		return -ENOMEM;
	ch->start->child = ch;
	return 0;
}

static void start_is_over(struct control *c, struct child *ch)
{
	if (!ch->start)
		return;
	wheel_cancel(&c->wheel, &ch->start->activate);
	free(ch->start);
	ch->start = NULL;
}

// When our last message is due once more, or was when it is over.
static tick_t third_due(const struct child_start *s)
{
	return s->child->up + ((2u << s->thirds) - 1) * THIRD_AGAIN;
}

static tick_t activation(const struct child_start *s)
{
	return s->child->up + s->activate_in;
}

static void expired_activate(void *ctx, struct wheel_timer *t);

// ... or nothing of it is left to do.
static void arm_activate(struct control *c, struct child_start *s)
{
	bool waits = s->child->state == CHILD_INBOUND;
	tick_t at = activation(s);

	if (s->third && (!waits || tick_before(third_due(s), at)))
		at = third_due(s);
	if (s->third || waits)
		wheel_arm(&c->wheel, &s->activate, at, expired_activate);
	else
		start_is_over(c, s->child);
}

static void send_third(struct control *c, struct child_start *s)
{
	const struct child *ch = s->child;
	tick_t heard;

	if (ch->state > CHILD_LIVE || s->thirds == THIRDS_MAX ||
	    dp_sa_last_in(c->dp, ch->in, &heard) || !ike1_quick_again(c, ch->peer, s->third))
		s->third = 0;
	else
		s->thirds++;
}

static void expired_activate(void *ctx, struct wheel_timer *t)
{
	struct child_start *s = container_of(t, struct child_start, activate);
	struct control *c = ctx;

	if (s->third && !tick_before(c->now, third_due(s)))
		send_third(c, s);
	if (s->child->state == CHILD_INBOUND && !tick_before(c->now, activation(s)))
		child_activate(c, s->child);
	arm_activate(c, s);
}

static void forget_path(struct control *c, struct child *ch)
{
	if (!ch->path)
		return;
	wheel_cancel(&c->wheel, &ch->path->age);
	free(ch->path);
	ch->path = NULL;
}

static void expired_path(void *ctx, struct wheel_timer *t)
{
	struct child *ch = container_of(t, struct child_path, age)->child;
	struct control *c = ctx;

	forget_path(c, ch); // the next packet that is too long for a router brings the answer again
	dp_sa_path_mtu(c->dp, ch->out, 0);
}

// False: without memory nothing is learned, until the next packet that is too long.
static bool learn_path(struct control *c, struct child *ch, uint16_t mtu, tick_t until)
{
	if (!ch->path)
		ch->path = calloc(1, sizeof(*ch->path));
	if (!ch->path)
		return false;
	ch->path->child = ch;
	ch->path->mtu = mtu;
	wheel_arm(&c->wheel, &ch->path->age, until, expired_path);
	return true;
}

void on_child_path_mtu(struct control *c, struct child *ch, uint16_t mtu)
{
	if (learn_path(c, ch, mtu, c->now + PATH_MTU_AGE))
		dp_sa_path_mtu(c->dp, ch->out, mtu);
}

void child_timers_same_path(struct control *c, struct child *ch, const struct child *from)
{
	if (from->path)
		learn_path(c, ch, from->path->mtu, from->path->age.expires);
}

static bool is_in_use(const struct child *ch)
{
	return ch->state == CHILD_INBOUND || ch->state == CHILD_LIVE;
}

// Which ones they are need not be said before they are renewed: until there is an IKE SA again none
// comes up, but for those of an IKE SA that was given up, which are renewed as well. Of a flow's
// the one in use is newer than those that it has replaced, so the first one in use is near.
void children_forsaken(struct peer *p)
{
	const struct child *ch = p->children;

	if (peer_ike_sa(p))
		return;
	while (ch && !is_in_use(ch))
		ch = ch->next;
	if (ch)
		p->forsaken = true;
}

static bool is_forsaken(const struct child *ch)
{
	return ch->forsaken || (ch->peer->forsaken && is_in_use(ch));
}

// The peer has an IKE SA again: both sides may know what is to be renewed on it.
static tick_t renewal_of(const struct control *c, bool initiator)
{
	return initiator ? c->now : c->now + RENEW_AS_RESPONDER;
}

static void renew(struct control *c, struct child *ch, tick_t at)
{
	ch->forsaken = true;
	wheel_arm(&c->wheel, &ch->rekey, at, expired_child_rekey);
}

void children_left_behind(struct control *c, struct peer *p, const struct ike_sa *newest)
{
	tick_t young = newest->created - YOUNG;
	struct child *ch = p->children; // newest first

	for (; ch && !tick_before(ch->created, young - QUICK_MODE_LASTS); ch = ch->next)
		if (is_in_use(ch) && !tick_before(ch->up, young))
			renew(c, ch, renewal_of(c, newest->initiator));
}

void renew_on_current(struct control *c, struct child *ch)
{
	if (!is_in_use(ch))
		return;
	renew(c, ch, c->now);
	renew_forsaken(c, ch->peer, true);
}

// The child that carries the traffic which another one is to take over.
static struct child *predecessor(const struct child *ch)
{
	struct child *other;

	for (other = ch->flow ? ch->flow->children : NULL; other; other = other->next_of_flow)
		if (other->peer == ch->peer && other->state == CHILD_LIVE && !is_forsaken(other))
			return other;
	return NULL;
}

static void redo(struct control *c, struct child *ch)
{
	struct child *before = ch->state == CHILD_INBOUND ? predecessor(ch) : NULL;

	ch->start->third = 0;
	if (before) { // goes on, and is renewed in a while
		before->redone = true;
		child_delete(c, ch, true, "its last message was not read");
	} else {
		ch->redone = true;
		renew(c, ch, c->now);
	}
}

void redo_unheard(struct control *c, struct peer *p)
{
	struct child *ch, *next;
	tick_t heard;

	for (ch = p->children; ch; ch = next) {
		next = ch->next;
		if (ch->start && ch->start->third && ch->start->thirds && ch->state <= CHILD_LIVE &&
		    !dp_sa_last_in(c->dp, ch->in, &heard))
			redo(c, ch);
	}
	renew_forsaken(c, p, true);
}

// The one before was made anew because of its last message: once is enough, since the peer may have
// had it, and has nothing to send.
static bool is_second_try(const struct child *ch)
{
	const struct child *other;

	for (other = ch->flow->children; other; other = other->next_of_flow)
		if (other != ch && other->redone)
			return true;
	return false;
}

void renew_forsaken(struct control *c, struct peer *p, bool initiator)
{
	struct child *ch;

	if (!p->forsaken)
		return;
	for (ch = p->children; ch; ch = ch->next)
		if (is_in_use(ch))
			renew(c, ch, renewal_of(c, initiator));
	p->forsaken = false;
}

// How long one that this side has begun waits until it takes over: as long as the one before surely
// carries the traffic. Of a volume the last sixteenth is left, which takes a fifteenth of the time
// that has passed, if the traffic stays what it was.
static tick_t wait_to_activate(const struct control *c, const struct child *ch)
{
	const struct child *other;

	for (other = ch->flow->children; other; other = other->next_of_flow) {
		tick_t wait = ACTIVATE_REKEY;

		if (other == ch || other->peer != ch->peer || other->state != CHILD_LIVE ||
		    is_forsaken(other))
			continue;
		if (other->spent)
			wait = (c->now - other->created) / 32;
		return wait < ACTIVATE_FIRST   ? ACTIVATE_FIRST
		       : wait > ACTIVATE_REKEY ? ACTIVATE_REKEY
		                               : wait;
	}
	return ACTIVATE_FIRST;
}

static void begin_to_activate(struct control *c, struct child_start *s)
{
	if (is_second_try(s->child))
		s->third = 0;
	s->activate_in = (uint16_t)wait_to_activate(c, s->child);
	arm_activate(c, s);
}

void on_child_established(struct control *c, struct child *ch)
{
	tick_t life = ticks_from_seconds(ch->suite.lifetime_seconds);

	ch->had_rival = child_has_sibling(ch, CHILD_NEGOTIATING);
	ch->up = c->now;
	if (ch->start)
		begin_to_activate(c, ch->start);
	if (!wheel_is_armed(&ch->rekey)) // else its volume is nearly spent already
		wheel_arm(&c->wheel, &ch->rekey, c->now + renewal_after(life, ch->initiator),
		          expired_child_rekey);
	wheel_arm(&c->wheel, &ch->expire, c->now + life, expired_child);
	on_peer_alive(c, ch->peer);
}

static void end_soon(struct control *c, struct child *ch)
{
	tick_t end = c->now + OLD_CHILD_STAYS;

	if (tick_before(end, ch->expire.expires))
		wheel_arm(&c->wheel, &ch->expire, end, expired_child);
}

void on_child_replaced(struct control *c, struct child *ch)
{
	struct child *other;

	wheel_cancel(&c->wheel, &ch->rekey);
	if (!ch->had_rival || tick_diff(c->now, ch->created) >= (int32_t)TWINS_WITHIN) {
		end_soon(c, ch);
		return;
	}
	// Both sides started at the same time, and the other may take this one for the newer: if
	// each deleted what it holds for the older, none would be left. So it lives on, but no
	// other one does beside it.
	for (other = ch->flow ? ch->flow->children : NULL; other; other = other->next_of_flow)
		if (other != ch && other->state == CHILD_OLD)
			end_soon(c, other);
}

bool child_timers_revive(struct control *c, struct child *ch)
{
	if (!tick_before(c->now + OLD_CHILD_STAYS, ch->expire.expires))
		return false; // it is about to end
	wheel_arm(&c->wheel, &ch->rekey, c->now + REKEY_SOON, expired_child_rekey);
	return true;
}

void on_child_rekey_failed(struct control *c, struct child *ch)
{
	ch->rekeying = false;
	wheel_arm(&c->wheel, &ch->rekey, c->now + renewal_retry(), expired_child_rekey);
}

void on_child_volume(struct control *c, struct child *ch, bool hard)
{
	if (ch->peer->manual) {
		if (hard && ch->flow)
			manual_exhausted(c, ch->flow->entry);
		return;
	}
	if (ch->state == CHILD_GONE)
		return;
	if (hard) {
		struct peer *p = ch->peer;

		child_delete(c, ch, true, "lifetime"); // at once: its packets are dropped already
		peer_release(c, p);
		return;
	}
	ch->spent = true;
	// What comes on it shows that the peer has our last message: it need not wait any longer.
	child_activate(c, ch);
	if (ch->state < CHILD_LIVE) // told but once: when it has taken over
		wheel_arm(&c->wheel, &ch->rekey, c->now + REKEY_SOON, expired_child_rekey);
	else
		child_rekey(c, ch);
}

void peer_timers_stop_child(struct control *c, struct child *ch)
{
	wheel_cancel(&c->wheel, &ch->rekey);
	wheel_cancel(&c->wheel, &ch->expire);
	start_is_over(c, ch);
	forget_path(c, ch);
}
