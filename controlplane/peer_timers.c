// The timers of a peer and of its IKE SAs; those of its children are in child_timers.c. Control
// core only. Nobody else arms them: the rest of the program reports facts with on_*(), and what
// follows from a fact stands here.
//
//   peer.probe          DPD. Periodic and calm: the next probe is due. While a probe is out: its
//                       window ends. On-demand and calm: not armed, such a peer costs nothing.
//   peer.nat_keepalive  one 0xFF byte, if this side is behind a NAT and the command is configured.
//                       Else: its children follow its port, which has changed again too soon.
//   peer.retry          phase 1 could not be started: too many at once. Or it has failed, and there
//                       are children that wait for it. With an IKE SA: a quick mode has ended, and
//                       flows wait for their turn.
//   ike_sa.rekey        phase 1 is renewed, if the peer has children.
//   ike_sa.expire       the end of an IKE SA: its lifetime, soon after a newer one took over, or
//                       because the peer leaves a quick mode on it without any answer.
#include "peer_timers.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "peer.h"
#include "renewal.h"
#include "succession.h"
#include "teardown.h"

// Every duration of this file. Lifetimes and keepalive times come from the configuration.
#define OLD_IKE_STAYS    ticks_from_seconds(3)
#define SILENT_IKE_STAYS ticks_from_seconds(15) // a new phase 1 may need a repetition or two
#define RETRY_AFTER      ticks_from_seconds(2)
#define TURN_JITTER      TICKS_PER_SECOND // several gateways must not call the same peers in step
#define REKEY_SOON       ticks_from_seconds(10)
#define MOVES_APART      ticks_from_ms(100)

// ---- dead peer detection

// `heard`: the peer has just been heard, so that no SA need be asked for anything newer.
static struct dpd_facts facts_of(const struct control *c, const struct peer *p, bool heard)
{
	struct dpd_facts f = {
		.now = c->now,
		.heard_until = c->heard_until,
		.restarted = c->restarted,
		.input_losses = dp_punt_losses(c->dp),
	};

	f.last_life = p->heard;
	f.have_life = heard || peer_last_life(c, p, &f.last_life);
	return f;
}

static void expired_probe(void *ctx, struct wheel_timer *t);
static int begin_phase_1(struct control *c, struct peer *p);

// Without an IKE SA a phase 1 is the question, and one of ours: what comes from the peer's address
// has not been authenticated, and may be a stranger's. 0: the peer has been asked, or cannot be,
// since the configuration has no key for it any more.
static int ask_by_phase_1(struct control *c, struct peer *p)
{
	bool stays = p->children != NULL;
	int err;

	if (peer_is_asked(p))
		return 0;
	if (peer_waits_here(p))
		return -EAGAIN;
	err = begin_phase_1(c, p);
	if (!stays || err == -ENOENT)
		return 0;
	return peer_is_asked(p) ? 0 : -EAGAIN;
}

// A probe on the newest IKE SA; without one phase 1 is started, and if it completes that is life.
// -EAGAIN: it did not leave.
static int send_probe(struct control *c, struct peer *p, enum dpd_action action)
{
	struct ike_sa *sa = peer_ike_sa(p);
	int err;

	if (!sa)
		return ask_by_phase_1(c, p);
	if (action == DPD_PROBE || !sa->dpd_outstanding) { // or the run goes on on another SA
		sa->dpd_run_first = sa->dpd_next;
		sa->dpd_outstanding = 0;
	}
	err = ike1_probe(c, sa,
	                 action == DPD_PROBE ? "IKE_TIMER_IM_ALIVE" : "IKE_TIMER_PEERS_ALIVE");
	c->counters.probes_sent += err >= 0;
	// Where no route leads nobody answers; all else is our own trouble.
	return err == -EHOSTUNREACH || err == -EMSGSIZE || err >= 0 ? 0 : -EAGAIN;
}

// The workers may raise their next doubt.
static void answer_doubts(struct control *c, struct peer *p, const struct dpd_facts *f)
{
	const struct child *ch;

	if (f->have_life)
		dp_peer_heard(c->dp, p->slab.index, f->last_life);
	if (!p->doubted)
		return;
	p->doubted = false;
	for (ch = p->children; ch; ch = ch->next)
		if (ch->flow)
			dp_tunnel_doubt_ack(c->dp, ch->flow->tunnel);
}

// Does what dpd.c decided. The peer may be gone afterwards.
static void carry_out(struct control *c, struct peer *p, struct dpd_decision d,
                      const struct dpd_facts *f)
{
	if (d.loss) {
		c->counters.losses++;
		ike_debug_loss(c, p);
	}
	c->counters.verdicts_deferred += d.deferred;
	if (d.action == DPD_DEAD) {
		teardown_by_dpd(c, p);
		return;
	}
	if (d.arm)
		wheel_arm(&c->wheel, &p->probe, d.at, expired_probe);
	else
		wheel_cancel(&c->wheel, &p->probe);
	if (d.action != DPD_WAIT) {
		if (send_probe(c, p, d.action) == -EAGAIN && p->dpd.state != DPD_OFF)
			wheel_arm(&c->wheel, &p->probe, dpd_unsent(&p->dpd, f).at, expired_probe);
	} else if (p->dpd.state != DPD_AGGRESSIVE && !p->dpd_config.periodic) {
		answer_doubts(c, p, f);
	}
}

static void expired_probe(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct peer *p = container_of(t, struct peer, probe);
	struct dpd_facts f = facts_of(c, p, false);

	carry_out(c, p, dpd_expired(&p->dpd, &p->dpd_config, &f), &f);
}

void peer_timers_peek(void *ctx, const struct wheel_timer *t, unsigned ahead)
{
	const struct control *c = ctx;
	const struct peer *p;
	const char *sa;

	if (wheel_fire_of(&c->wheel, t) != expired_probe)
		return;
	p = container_of(t, const struct peer, probe);
	sa = (const char *)p->ike_sas;
	if (ahead > 1) {
		for (size_t i = 0; sa && i < sizeof(struct ike_sa); i += 64)
			__builtin_prefetch(sa + i);
		__builtin_prefetch(p->children);
	} else if (p->children) {
		dp_sa_peek(c->dp, p->children->in);
	}
}

// Proof of life other than ESP; `decide` is what it means for DPD.
static void alive_by(struct control *c, struct peer *p,
                     struct dpd_decision (*decide)(struct dpd *, const struct dpd_config *,
                                                   const struct dpd_facts *))
{
	struct dpd_facts f;

	peer_note_life(p, c->now);
	if (!p->dpd_config.periodic) // workers doubt nobody who is asked anyway
		dp_peer_heard(c->dp, p->slab.index, c->now);
	if (p->dpd.state == DPD_OFF)
		return;
	f = facts_of(c, p, true);
	carry_out(c, p, decide(&p->dpd, &p->dpd_config, &f), &f);
}

void on_peer_alive(struct control *c, struct peer *p)
{
	alive_by(c, p, dpd_alive);
}

void on_dpd_ack(struct control *c, struct ike_sa *sa)
{
	c->counters.acks_received++;
	on_peer_alive(c, sa->peer);
}

void on_dpd_hello(struct control *c, struct ike_sa *sa)
{
	c->counters.hellos_received++;
	alive_by(c, sa->peer, dpd_hello);
}

void on_doubt(struct control *c, struct peer *p)
{
	struct dpd_facts f;

	if (p->state == PEER_ENDING)
		return; // its flows go on in a moment
	p->doubted = true;
	if (p->dpd.state == DPD_AGGRESSIVE)
		return; // it is being asked: all doubts are answered when that is over
	f = facts_of(c, p, false);
	carry_out(c, p, dpd_doubt(&p->dpd, &p->dpd_config, &f), &f);
}

static struct dpd_config dpd_config_of(const struct control *c)
{
	const struct config_keepalive *k = &c->config->isakmp.keepalive;

	return (struct dpd_config){
		.enabled = k->seconds != 0,
		.periodic = k->periodic,
		.interval = ticks_from_seconds(k->seconds),
		.retry = ticks_from_seconds(k->retry),
	};
}

// A peer that has come up, or whose phase 1 was renewed under another keepalive configuration.
static void start_dpd(struct control *c, struct peer *p)
{
	struct dpd_config now = dpd_config_of(c), *was = &p->dpd_config;
	struct dpd_facts f;

	now.enabled = now.enabled && p->dpd_capable;
	if (p->dpd.state != DPD_OFF && was->enabled == now.enabled &&
	    was->periodic == now.periodic && was->interval == now.interval &&
	    was->retry == now.retry)
		return;
	*was = now;
	dpd_stop(&p->dpd);
	dp_peer_watch(c->dp, p->slab.index, now.enabled && !now.periodic ? now.interval : 0);
	f = facts_of(c, p, false);
	p->doubted = true;
	answer_doubts(c, p, &f); // those raised under another configuration too
	// The phase of a periodic schedule is free: spread it a little.
	carry_out(c, p, dpd_start(&p->dpd, &p->dpd_config, &f, renewal_jitter(now.interval / 20)),
	          &f);
}

// ---- NAT keepalive

static void move_children(struct control *c, struct peer *p)
{
	struct child *ch;

	p->move_owed = false;
	p->moved = c->now;
	for (ch = p->children; ch; ch = ch->next)
		if (!handle_is_null(ch->out) && ch->encap == SA_ENCAP_UDP)
			dp_sa_move(c->dp, ch->out, &p->remote, p->remote_port);
}

static void expired_nat_keepalive(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct peer *p = container_of(t, struct peer, nat_keepalive);

	if (p->move_owed)
		move_children(c, p);
	if (p->nat_local)
		ike1_nat_keepalive(c, p);
	on_nat_keepalive(c, p);
}

// A message for each child: a peer whose messages come from two ports in turn must not make more of
// them than the workers take.
void on_port_changed(struct control *c, struct peer *p)
{
	if (c->now - p->moved >= MOVES_APART) {
		move_children(c, p);
	} else if (!p->move_owed) { // if we are behind a NAT ourselves, with a keepalive
		p->move_owed = true;
		wheel_arm(&c->wheel, &p->nat_keepalive, p->moved + MOVES_APART,
		          expired_nat_keepalive);
	}
}

void on_nat_keepalive(struct control *c, struct peer *p)
{
	tick_t next = c->now + ticks_from_seconds(c->config->isakmp.nat_keepalive);

	if (!p->nat_local || p->move_owed) // then the timer is for that, and comes here again
		return;
	if (!c->config->isakmp.nat_keepalive || p->state != PEER_UP)
		wheel_cancel(&c->wheel, &p->nat_keepalive);
	else if (!wheel_is_armed(&p->nat_keepalive) || tick_before(next, p->nat_keepalive.expires))
		wheel_arm(&c->wheel, &p->nat_keepalive, next, expired_nat_keepalive);
}

// ---- phase 1

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

// Is there room for a phase 1 of ours? A stranger's, which may be forged, makes some; peers that
// answer nothing keep nobody out who has tunnels.
static bool make_room(struct control *c, const struct peer *p)
{
	bool established = peer_ike_sa(p) || p->children;

	if (!established && c->half_open - c->responding >= peer_negotiations_limit(c))
		return false;
	if (!peer_is_admitted(c, p) || c->ike_sas.used == c->ike_sas.limit)
		ike_sa_evict_stranger(c, p);
	return peer_is_admitted(c, p);
}

// 0, or -errno of what can not begin. The peer may be gone then, if nothing but waiting flows kept
// it.
static int begin_phase_1(struct control *c, struct peer *p)
{
	int err;

	if (wheel_is_armed(&p->retry))
		return 0;
	if (!make_room(c, p)) {
		c->counters.admissions_refused++;
		retry_later(c, p);
		return 0;
	}
	if (!p->turn_taken && !peer_ike_sa(p)) { // a renewal is no new load
		tick_t wait =
			admission_reserve(&c->admit_ours, c->config->isakmp.rate_limit, c->now);

		p->turn_taken = true;
		if (wait) {
			c->counters.admissions_delayed++;
			wheel_arm(&c->wheel, &p->retry, c->now + wait + renewal_jitter(TURN_JITTER),
			          expired_retry);
			return 0;
		}
	}
	err = ike1_initiate(c, p);
	p->turn_taken = err == -EAGAIN;
	if (err == -EAGAIN)
		retry_later(c, p);
	else if (err < 0 && !peer_ike_sa(p))
		fail_waiting(c, p, false);
	return err;
}

void on_tunnel_wanted(struct control *c, struct peer *p)
{
	if (!peer_is_negotiating(p))
		(void)begin_phase_1(c, p);
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
	if (p->waiting && p->state != PEER_ENDING && (peer_ike_sa(p) || !wheel_is_armed(&p->retry)))
		wheel_arm(&c->wheel, &p->retry, c->now, expired_turn);
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

// Its renewal is due some time before its end, or soon if that has passed.
static void arm_ike_rekey(struct control *c, struct ike_sa *sa)
{
	tick_t life = ticks_from_seconds(sa->suite.lifetime);
	tick_t at = sa->established + renewal_after(life, sa->initiator);

	if (!tick_before(c->now, at))
		at = c->now + renewal_jitter(REKEY_SOON);
	wheel_arm(&c->wheel, &sa->rekey, at, expired_ike_rekey);
}

// When its lifetime is over.
static tick_t ike_end(const struct ike_sa *sa)
{
	return sa->established + ticks_from_seconds(sa->suite.lifetime);
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
		wheel_arm(&c->wheel, t, c->now + TICKS_PER_SECOND, expired_ike);
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

void on_ike_established(struct control *c, struct ike_sa *sa)
{
	struct peer *p = sa->peer;

	peer_set_state(c, p, PEER_UP);
	p->dpd_capable = sa->peer_dpd;
	wheel_cancel(&c->wheel, &p->retry);
	p->turn_taken = false;
	arm_ike_rekey(c, sa);
	wheel_arm(&c->wheel, &sa->expire, ike_end(sa), expired_ike);
	replace_older(c, sa);
	end_surplus(c, p);
	on_peer_alive(c, p);
	start_dpd(c, p);
	on_nat_keepalive(c, p);
	flow_start_waiting(c, p);
	renew_forsaken(c, p, sa->initiator);
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

void on_ike_unanswered(struct control *c, struct ike_sa *sa)
{
	char text[ADDR_TEXT];

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
	children_forsaken(sa->peer); // if it has restarted, it has none of the children either
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

// A child that the peer does not have any more. If we called, it does not know what for: the line's
// tunnel is made anew.
static void end_forgotten(struct control *c, struct child *ch, bool again)
{
	struct flow *f = ch->flow && ch->flow->child == ch ? ch->flow : NULL;

	again = again && f && f->instance == FLOW_LINE; // an instance goes with its child
	child_delete(c, ch, false, "initial contact");
	if (again && !f->child)
		flow_acquire(c, f);
}

void on_initial_contact(struct control *c, struct ike_sa *sa)
{
	struct peer *p = sa->peer;
	struct ike_sa *old;
	struct child *ch, *next;

	for (ch = p->children; ch; ch = next) {
		next = ch->next;
		if (tick_before(ch->created, sa->created) && ch->state != CHILD_NEGOTIATING)
			end_forgotten(c, ch, sa->initiator);
	}
	// Each from the start: what waits for an exchange of one goes on, and may take a place from
	// the next in the list.
	while ((old = established_before(sa)))
		ike_sa_destroy(c, old);
	if (!peer_ike_sa(p))
		restore_older(c, p); // it had given way to one that is gone now
}

// ---- what the workers see

void on_peer_moved(struct control *c, struct child *ch, const struct ip_addr *addr, uint16_t port)
{
	struct peer *p = ch->peer;
	struct ike_sa *sa;
	char from[ADDR_TEXT], to[ADDR_TEXT];

	if (!p->nat_remote || p->state == PEER_ENDING || !addr_equal(&p->remote, addr))
		return;
	log_isakmp(&c->log, "ISAKMP: peer %s:%u is now %s:%u", addr_format(&p->remote, from),
	           p->remote_port, addr_format(addr, to), port);
	peer_set_port(c, p, port);
	for (sa = p->ike_sas; sa; sa = sa->next)
		if (ike_sa_is_established(sa) && sa->nat_remote) // a phase 1 has its own port still
			sa->remote_port = port;
	on_port_changed(c, p);
}

// The peer encrypts to an SPI of ours that we do not have: it did not hear that its SA has ended,
// and as its IKE SA lives nothing else would tell it.
static void disown_spi(struct control *c, struct peer *p, uint32_t spi)
{
	struct ike_sa *sa = peer_ike_sa(p);
	const struct child *ch;

	for (ch = p->children; ch; ch = ch->next)
		if (ch->spi_in == spi)
			return;
	if (sa && p->state != PEER_ENDING)
		ike1_delete_spi(c, sa, spi);
}

void on_invalid_spi(struct control *c, const struct ip_addr *local, const struct ip_addr *remote,
                    uint32_t spi)
{
	struct peer *p = peer_find(c, local, remote, IKE_PORT);
	char dst[ADDR_TEXT], src[ADDR_TEXT];

	log_msg(&c->log, LOG_WARNING, "CRYPTO", "RECVD_PKT_INV_SPI",
	        "decaps: rec'd IPSEC packet has invalid spi for destaddr=%s, prot=50, "
	        "spi=0x%X(%u), srcaddr=%s",
	        addr_format(local, dst), spi, spi, addr_format(remote, src));
	if (p) {
		disown_spi(c, p, spi);
		return;
	}
	if (!c->config->isakmp.invalid_spi_recovery || !flow_peer_is_named(c, local, remote))
		return;
	p = peer_get(c, local, remote, IKE_PORT);
	if (p)
		on_tunnel_wanted(c, p);
}

// ---- end

void peer_timers_stop(struct control *c, struct peer *p)
{
	p->move_owed = false;
	wheel_cancel(&c->wheel, &p->probe);
	wheel_cancel(&c->wheel, &p->nat_keepalive);
	wheel_cancel(&c->wheel, &p->retry);
	dpd_stop(&p->dpd);
}

void peer_timers_stop_ike(struct control *c, struct ike_sa *sa)
{
	wheel_cancel(&c->wheel, &sa->rekey);
	wheel_cancel(&c->wheel, &sa->expire);
}
