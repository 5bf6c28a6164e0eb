// The life of phase 1 with a peer: when one begins, what follows when it is up, has failed, is not
// answered, is replaced or ends. Control core only.
//
//   peer.retry          phase 1 could not be started: too many at once. Or it has failed, and there
//                       are children that wait for it. With an IKE SA: a quick mode has ended, and
//                       flows wait for their turn.
//   ike_sa.rekey        phase 1 is renewed, if the peer has children.
//   ike_sa.expire       the end of an IKE SA: its lifetime, soon after a newer one took over, or
//                       because the peer leaves a quick mode on it without any answer.
#include "phase_1.h"

#include <errno.h>
#include <stddef.h>

#include "addr.h"
#include "admission.h"
#include "bounds.h"
#include "child.h"
#include "child_ends.h"
#include "control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "node.h"
#include "peer.h"
#include "peer_timers.h"
#include "renewal.h"
#include "succession.h"

// Every duration of this file. Lifetimes and keepalive times come from the configuration.
#define OLD_IKE_STAYS    ticks_from_seconds(3)
#define SILENT_IKE_STAYS ticks_from_seconds(15) // a new phase 1 may need a repetition or two
#define RETRY_AFTER      ticks_from_seconds(2)
#define TURN_JITTER      TICKS_PER_SECOND // several gateways must not call the same peers in step
#define REKEY_SOON       ticks_from_seconds(10)
#define NODES_LOOK       TICKS_PER_SECOND // are fewer messages still to be remembered?
#define CLOSING_LOOK     TICKS_PER_SECOND // is what was begun on a replaced IKE SA over?

static void expired_retry(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct peer *p = container_of(t, struct peer, retry);

	if (p->waiting || p->children || p->turn_taken)
		on_tunnel_wanted(c, p);
	else
		peer_release(c, p);
}

static void retry_later(struct control *c, struct peer *p)
{
	wheel_arm(&c->wheel, &p->retry, c->now + RETRY_AFTER + renewal_jitter(RETRY_AFTER),
	          expired_retry);
}

// Every flow that waits for this peer goes on to its next one. The peer may be gone afterwards.
static void fail_waiting(struct control *c, struct peer *p, bool at_once)
{
	struct flow *list = flow_unwait_all(p), *f;

	p->sas_pending++; // stays until the last of them has gone on
	while ((f = list)) {
		list = f->next_waiting;
		f->next_waiting = NULL;
		if (f->child) // the renewal of a child that still lives
			on_child_rekey_failed(c, f->child);
		else
			flow_next_peer(c, f, p, at_once);
	}
	p->sas_pending--;
	peer_release(c, p);
}

// Is there room for a phase 1 of ours? What may be forged makes some; peers that answer nothing
// keep nobody out who has tunnels, and others not for as long.
static bool make_room(struct control *c, const struct peer *p)
{
	bool established = peer_ike_sa(p) || p->children;

	if (!established && c->half_open - c->responding >= peer_negotiations_limit(c)) {
		ike_sa_hurry_oldest(c);
		return false;
	}
	ike_sa_make_place(c, p);
	return peer_is_admitted(c, p);
}

int phase_1_begin(struct control *c, struct peer *p)
{
	int err;

	ike_sas_set_stranger(c, p, false);
	if (wheel_is_armed(&p->retry))
		return -EAGAIN;
	if (!make_room(c, p)) {
		c->counters.admissions_refused++;
		retry_later(c, p);
		return -EAGAIN;
	}
	if (!p->turn_taken && !peer_ike_sa(p)) { // a renewal is no new load
		tick_t wait =
			admission_reserve(&c->admit_ours, c->config->isakmp.rate_limit, c->now);

		p->turn_taken = true;
		if (wait) {
			c->counters.admissions_delayed++;
			wheel_arm(&c->wheel, &p->retry, c->now + wait + renewal_jitter(TURN_JITTER),
			          expired_retry);
			return -EAGAIN;
		}
	}
	err = ike1_initiate(c, p);
	p->turn_taken = false;
	if (err < 0 && !peer_ike_sa(p))
		fail_waiting(c, p, false);
	return err;
}

void on_tunnel_wanted(struct control *c, struct peer *p)
{
	if (!peer_is_negotiating(p))
		(void)phase_1_begin(c, p);
}

static void expired_turn(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct peer *p = container_of(t, struct peer, retry);

	if (peer_ike_sa(p))
		flow_start_waiting(c, p);
	else if (p->waiting || p->turn_taken)
		on_tunnel_wanted(c, p);
	else
		peer_release(c, p);
}

// Not at once: who reports it is in the midst of something. With an IKE SA the timer can only wait
// for its renewal, which is tried again anyway.
void on_quick_mode_ended(struct control *c, struct peer *p)
{
	const struct ike_sa *sa = peer_ike_sa(p);
	tick_t at = sa && node_is_full(c, sa) ? c->now + NODES_LOOK : c->now;

	if (p->waiting && p->state != PEER_ENDING && (sa || !wheel_is_armed(&p->retry)))
		wheel_arm(&c->wheel, &p->retry, at, expired_turn);
}

static void expired_ike_rekey(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct ike_sa *sa = container_of(t, struct ike_sa, rekey);

	if (sa->replaced)
		return;
	// Again, until it is replaced: what begins now may fail, or there is nothing yet to renew
	// it for.
	wheel_arm(&c->wheel, t, c->now + renewal_retry(), expired_ike_rekey);
	if (sa->peer->children)
		on_tunnel_wanted(c, sa->peer);
}

// When its lifetime is over.
static tick_t ike_end(const struct ike_sa *sa)
{
	return sa->established + ticks_from_seconds(sa->suite.lifetime);
}

// Its renewal is due some time before its end, or soon if that has passed: with half of what is
// left still ahead.
static tick_t ike_rekey_due(const struct control *c, const struct ike_sa *sa)
{
	tick_t life = ticks_from_seconds(sa->suite.lifetime), soon = REKEY_SOON;
	tick_t at = sa->established + renewal_after(life, sa->initiator);
	int32_t left = tick_diff(ike_end(sa), c->now);

	if (tick_before(c->now, at))
		return at;
	if (left < (int32_t)(2 * REKEY_SOON))
		soon = left > 0 ? (tick_t)left / 2 : 0;
	return c->now + renewal_jitter(soon);
}

static void arm_ike_rekey(struct control *c, struct ike_sa *sa)
{
	wheel_arm(&c->wheel, &sa->rekey, ike_rekey_due(c, sa), expired_ike_rekey);
}

// An IKE SA has gone that this side has deleted. Who has children here gets another one.
static void follow_up(struct control *c, struct peer *p)
{
	children_forsaken(p);
	if (p->forsaken && !peer_ike_sa(p) && !c->stopping)
		on_tunnel_wanted(c, p);
	peer_release(c, p);
}

static void expired_ike(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct ike_sa *sa = container_of(t, struct ike_sa, expire);
	struct peer *p = sa->peer;

	// What is being negotiated on a replaced one may end, within the SA's lifetime; what the
	// peer would begin there now is left to a newer one.
	if (sa->replaced && sa->exchanges && tick_before(c->now, ike_end(sa))) {
		sa->closing = true;
		wheel_arm(&c->wheel, t, c->now + CLOSING_LOOK, expired_ike);
		return;
	}
	ike1_delete_sa(c, sa);
	ike_sa_destroy(c, sa);
	follow_up(c, p);
}

// One IKE SA of a peer carries new exchanges, as a rule the newest; the others only receive from
// now on, and end soon.
static void replace_older(struct control *c, struct ike_sa *newest)
{
	struct ike_sa *sa, *current = succession_current(newest, OLD_IKE_STAYS);

	for (sa = newest->peer->ike_sas; sa; sa = sa->next) {
		if (sa == current || !ike_sa_is_established(sa) || sa->replaced)
			continue;
		sa->replaced = true;
		wheel_cancel(&c->wheel, &sa->rekey);
		wheel_arm(&c->wheel, &sa->expire, c->now + OLD_IKE_STAYS, expired_ike);
	}
}

// A peer may renew phase 1 as often as it likes, and each that was replaced stays for a while.
static void end_surplus(struct control *c, const struct peer *p)
{
	struct ike_sa *sa, *oldest = NULL;
	unsigned n = 0;

	for (sa = p->ike_sas; sa; sa = sa->next) {
		n += ike_sa_is_established(sa);
		if (ike_sa_is_established(sa) && sa->replaced)
			oldest = sa;
	}
	if (n <= IKE_SAS_PER_PEER || !oldest)
		return;
	ike1_delete_sa(c, oldest);
	ike_sa_destroy(c, oldest);
}

static bool has_another(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	for (other = sa->peer->ike_sas; other; other = other->next)
		if (other != sa && ike_sa_is_established(other))
			return true;
	return false;
}

void on_ike_established(struct control *c, struct ike_sa *sa)
{
	struct peer *p = sa->peer;

	if (!has_another(sa))
		p->no_esn = false; // it may be another program by now
	peer_set_state(c, p, PEER_UP);
	p->dpd_capable = sa->peer_dpd;
	p->takes_many = sa->peer_ours;
	wheel_cancel(&c->wheel, &p->retry);
	p->turn_taken = false;
	arm_ike_rekey(c, sa);
	wheel_arm(&c->wheel, &sa->expire, ike_end(sa), expired_ike);
	replace_older(c, sa);
	end_surplus(c, p);
	on_peer_alive(c, p);
	on_dpd_configured(c, p);
	on_nat_changed(c, p);
	flow_start_waiting(c, p);
	if (has_another(sa) && !sa->replaced)
		children_left_behind(c, p, sa);
	renew_forsaken(c, p, sa->initiator);
}

static void arm_earlier(struct control *c, struct wheel_timer *t, tick_t at, wheel_fire *expired)
{
	if (!wheel_is_armed(t) || tick_before(at, t->expires))
		wheel_arm(&c->wheel, t, at, expired);
}

void on_ike_lifetime(struct control *c, struct ike_sa *sa, uint32_t seconds)
{
	uint32_t life = sa->suite.lifetime;

	if (!sa->initiator || !ike_sa_is_established(sa) || sa->replaced || sa->delete_sent ||
	    !seconds || (life && seconds >= life))
		return;
	sa->suite.lifetime = seconds;
	arm_earlier(c, &sa->rekey, ike_rekey_due(c, sa), expired_ike_rekey);
	arm_earlier(c, &sa->expire, ike_end(sa), expired_ike);
}

void on_ike_failed(struct control *c, struct ike_sa *sa, const char *why)
{
	struct peer *p = sa->peer;
	struct ike_sa *left;
	char text[ADDR_TEXT];

	c->counters.negotiations_failed++;
	log_msg(&c->log, LOG_NOTICE, "CRYPTO", "IKMP_NO_PHASE1", "Phase 1 with %s failed: %s",
	        addr_format(&p->remote, text), why);
	ike_sa_destroy(c, sa);
	left = peer_ike_sa(p);
	if (left) {
		wheel_arm(&c->wheel, &left->rekey, c->now + renewal_retry(), expired_ike_rekey);
		flow_start_waiting(c, p);
		return;
	}
	if (peer_is_negotiating(p))
		return;
	if (p->forsaken && p->dpd.state == DPD_OFF) // else the next probe asks by phase 1
		wheel_arm(&c->wheel, &p->retry, c->now + renewal_retry(), expired_retry);
	fail_waiting(c, p, true);
}

void on_ike_unanswered(struct control *c, struct ike_sa *sa, tick_t since)
{
	char text[ADDR_TEXT];
	tick_t life;

	if (!ike_sa_is_established(sa) || sa->delete_sent || sa->replaced)
		return;
	log_msg(&c->log, LOG_NOTICE, "CRYPTO", "IKMP_NO_ANSWER",
	        "%s answers nothing on its IKE SA, which is given up",
	        addr_format(&sa->peer->remote, text));
	sa->replaced = true;
	wheel_cancel(&c->wheel, &sa->rekey);
	if (!peer_has_tunnel(sa->peer, NULL)) {
		ike1_delete_sa(c, sa);
		wheel_arm(&c->wheel, &sa->expire, c->now + OLD_IKE_STAYS, expired_ike);
		return;
	}
	// If the peer has the IKE SA after all, its Delete may end children that work (strongSwan):
	// they have the time to go along to a new one.
	wheel_arm(&c->wheel, &sa->expire, c->now + SILENT_IKE_STAYS, expired_ike);
	// If it has restarted it has none of the children either, but then no ESP has come.
	if (!peer_last_life(c, sa->peer, &life) || tick_before(life, since))
		children_forsaken(sa->peer);
	on_tunnel_wanted(c, sa->peer);
}

// The peer ended the IKE SA that we use, but another is still there: it takes over again.
static void restore_older(struct control *c, struct peer *p)
{
	struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next) {
		if (!ike_sa_is_established(sa) || sa->delete_sent)
			continue;
		sa->replaced = sa->closing = false;
		arm_ike_rekey(c, sa);
		wheel_arm(&c->wheel, &sa->expire, ike_end(sa), expired_ike);
		flow_start_waiting(c, p);
		return;
	}
}

void on_ike_ended(struct control *c, struct ike_sa *sa)
{
	struct peer *p = sa->peer;
	bool newest = peer_ike_sa(p) == sa;

	ike_sa_destroy(c, sa);
	// Children may outlive phase 1. With DPD the next probe brings a new one; without it the
	// next renewal of a child does.
	if (newest)
		restore_older(c, p);
	children_forsaken(p);
	peer_release(c, p);
}

void on_ike_cleared(struct control *c, struct ike_sa *sa)
{
	struct peer *p = sa->peer;
	bool newest = peer_ike_sa(p) == sa;

	ike1_delete_sa(c, sa);
	ike_sa_destroy(c, sa);
	if (newest)
		restore_older(c, p);
	follow_up(c, p);
}

// One that the peer had before it began this one.
static struct ike_sa *established_before(const struct ike_sa *sa)
{
	struct ike_sa *old;

	for (old = sa->peer->ike_sas; old; old = old->next)
		if (old != sa && ike_sa_is_established(old) &&
		    tick_before(old->established, sa->created))
			return old;
	return NULL;
}

void on_initial_contact(struct control *c, struct ike_sa *sa)
{
	struct peer *p = sa->peer;
	struct ike_sa *old;

	if (sa->contact) // nothing can have come since that is older than the IKE SA
		return;
	sa->contact = true;
	if (child_oldest(c, p, sa->created))
		p->no_esn = false; // it has started anew, and may be another program
	// If we called, it does not know what for.
	child_ends_add_older(c, p, sa->created, sa->initiator, "initial contact");
	// Each from the start: what waits for an exchange of one goes on, and may take a place from
	// the next in the list.
	while ((old = established_before(sa)))
		ike_sa_destroy(c, old);
	if (!peer_ike_sa(p))
		restore_older(c, p); // it had given way to one that is gone now
}

void peer_timers_stop_ike(struct control *c, struct ike_sa *sa)
{
	wheel_cancel(&c->wheel, &sa->rekey);
	wheel_cancel(&c->wheel, &sa->expire);
}
