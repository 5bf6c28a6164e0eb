// See fake_ike.h.
#include "fake_ike.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "exchange.h"
#include "fake_dp.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "node.h"
#include "peer.h"
#include "peer_timers.h"

#define GIVE_UP (23 * TICKS_PER_SECOND)

struct fake_ike fake_ike;

struct pending {
	struct pending *next;
	struct handle sa, child; // child: of a quick mode
	enum fake_kind kind;
	uint32_t sequence; // of a probe
	tick_t since, due;
	bool done;
};

static struct pending *pendings;

static bool is_dead(const struct ip_addr *a)
{
	for (unsigned i = 0; i < fake_ike.n_dead; i++)
		if (addr_equal(&fake_ike.dead[i], a))
			return true;
	return false;
}

void fake_ike_reset(void)
{
	while (pendings) {
		struct pending *p = pendings;

		pendings = p->next;
		free(p);
	}
	memset(&fake_ike, 0, sizeof(fake_ike));
}

void fake_ike_kill(const char *addr)
{
	addr_parse(addr, &fake_ike.dead[fake_ike.n_dead++]);
}

void fake_ike_revive(const char *addr)
{
	struct ip_addr a;

	addr_parse(addr, &a);
	for (unsigned i = 0; i < fake_ike.n_dead; i++)
		if (addr_equal(&fake_ike.dead[i], &a))
			fake_ike.dead[i] = fake_ike.dead[--fake_ike.n_dead];
}

static void pend(struct pending p)
{
	struct pending **tail = &pendings, *copy = malloc(sizeof(*copy));

	*copy = p;
	copy->since = fake_now;
	copy->due = fake_now + (fake_ike.delay ? fake_ike.delay() : 1);
	copy->next = NULL;
	while (*tail)
		tail = &(*tail)->next;
	*tail = copy;
}

bool fake_ike_negotiates(const struct child *ch)
{
	for (const struct pending *p = pendings; p; p = p->next)
		if (!p->done && p->kind == FAKE_QUICK && handle_equal(p->child, slab_handle(ch)))
			return true;
	return false;
}

static void finish_child(struct control *c, struct child *ch, bool answered)
{
	struct sa_spec spec = {.cipher = SA_CIPHER_AES_GCM_16, .key_len = 16, .replay_window = 64};

	if (!answered || fake_ike.refuses_quick) {
		child_failed(c, ch, "no answer");
		return;
	}
	ch->suite = ch->flow->entry->suites[0];
	if (child_install_in(c, ch, &spec) < 0 ||
	    child_install_out(c, ch, &spec, 0x1000 + fake_ike.next_spi++) < 0)
		child_failed(c, ch, "the SAs could not be made");
	else
		child_established(c, ch);
}

static void finish_sa(struct control *c, struct ike_sa *sa, bool answered)
{
	if (!answered && sa->initiator) {
		on_ike_failed(c, sa, "no answer");
		return;
	}
	if (!answered) { // as main_mode.c does
		struct peer *p = sa->peer;

		ike_sa_destroy(c, sa);
		if (p->waiting)
			on_tunnel_wanted(c, p);
		else
			peer_release(c, p);
		return;
	}
	ike_sa_set_state(c, sa, IKE_P1_COMPLETE);
	sa->peer_dpd = !fake_ike.no_dpd;
	sa->established = c->now;
	sa->suite.lifetime = fake_ike.ike_lifetime ? fake_ike.ike_lifetime : 86400;
	if (fake_ike.established)
		fake_ike.established(c, sa);
	on_ike_established(c, sa);
}

static enum fake_verdict judge(struct control *c, const struct ike_sa *sa, enum fake_kind kind)
{
	if (fake_ike.judge)
		return fake_ike.judge(c, sa, kind);
	return is_dead(&sa->peer->remote) ? FAKE_SILENT : FAKE_ANSWER;
}

static void finish_probe(struct control *c, struct ike_sa *sa, uint32_t sequence)
{
	if (sequence - sa->dpd_run_first >= sa->dpd_outstanding)
		return; // of another run
	sa->dpd_outstanding = 0;
	on_dpd_ack(c, sa);
}

static void finish(struct control *c, struct pending *p)
{
	struct ike_sa *sa = slab_get(&c->ike_sas, p->sa);
	struct child *ch = slab_get(&c->children, p->child);
	enum fake_verdict v;

	if (!sa || sa->state == IKE_DEST_SA) {
		p->done = true;
		return;
	}
	v = judge(c, sa, p->kind);
	if (v == FAKE_SILENT && tick_diff(fake_now, p->since) < (int32_t)GIVE_UP)
		return;
	p->done = true;
	if (p->kind == FAKE_QUICK)
		finish_child(c, ch, v == FAKE_ANSWER);
	else if (p->kind == FAKE_PHASE1)
		finish_sa(c, sa, v == FAKE_ANSWER);
	else if (v == FAKE_ANSWER)
		finish_probe(c, sa, p->sequence);
}

void fake_ike_run(struct control *c)
{
	struct pending *p, **link = &pendings;

	for (p = pendings; p; p = p->next)
		if (!p->done && tick_diff(fake_now, p->due) >= 0)
			finish(c, p);
	while ((p = *link)) {
		if (!p->done) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		free(p);
	}
}

struct ike_sa *fake_ike_phase1_from(struct control *c, const struct ip_addr *local,
                                    const struct ip_addr *remote)
{
	struct peer *p = peer_get(c, local, remote, 500);
	struct ike_sa *sa = p ? ike_sa_create(c, p, false, (const uint8_t[8]){1}) : NULL;

	if (p && !sa)
		peer_release(c, p);
	if (!sa)
		return NULL;
	sa->state = IKE_R_MM3;
	pend((struct pending){.kind = FAKE_PHASE1, .sa = slab_handle(sa)});
	return sa;
}

bool fake_ike_quick_from(struct control *c, struct ike_sa *sa, const struct selector *s)
{
	struct flow *f = flow_for_proposal(c, sa->peer, s);
	struct child *ch = f ? child_create(c, sa->peer, f, false) : NULL;

	if (f && !ch)
		flow_release(c, f);
	if (!ch)
		return false;
	pend((struct pending){.kind = FAKE_QUICK, .sa = slab_handle(sa), .child = slab_handle(ch)});
	return true;
}

bool fake_ike_peer_starts(struct control *c, const char *addr, const struct selector *s)
{
	struct ip_addr remote;
	struct peer *p;
	struct ike_sa *sa;
	struct child *ch;
	struct flow *f;

	addr_parse(addr, &remote);
	p = peer_get(c, &c->entries->locals[0], &remote, 500);
	sa = ike_sa_create(c, p, false, (const uint8_t[8]){1});
	finish_sa(c, sa, true);
	f = flow_for_proposal(c, p, s);
	if (!f)
		return false;
	ch = child_create(c, p, f, false);
	finish_child(c, ch, true);
	return true;
}

// ---- what it stands in for

struct ike_sa *ike_sa_create(struct control *c, struct peer *p, bool initiator,
                             const uint8_t cookie_i[8])
{
	struct ike_sa *sa = slab_alloc(&c->ike_sas);

	if (!sa)
		return NULL;
	sa->peer = p;
	sa->initiator = initiator;
	if (cookie_i)
		memcpy(sa->cookie_i, cookie_i, sizeof(sa->cookie_i));
	sa->created = c->now;
	sa->dpd_next = 100;
	sa->peer_ours = !fake_ike.of_another_make;
	sa->next = p->ike_sas;
	p->ike_sas = sa;
	c->half_open++;
	dp_ike_mark(c->dp, sa->slab.index, 1);
	return sa;
}

void ike_sa_retire(struct control *c, struct ike_sa *sa)
{
	struct handle h = slab_handle(sa);

	peer_timers_stop_ike(c, sa);
	dp_ike_mark(c->dp, sa->slab.index, 0);
	ike_sa_set_state(c, sa, IKE_DEST_SA);
	for (struct pending *p = pendings; p; p = p->next) {
		if (p->done || p->kind != FAKE_QUICK || !handle_equal(p->sa, h))
			continue;
		p->done = true;
		child_failed(c, slab_get(&c->children, p->child), "the IKE SA has ended");
	}
}

void ike_sa_destroy(struct control *c, struct ike_sa *sa)
{
	struct ike_sa **link = &sa->peer->ike_sas;

	ike_sa_retire(c, sa);
	while (*link != sa)
		link = &(*link)->next;
	*link = sa->next;
	slab_free(&c->ike_sas, sa);
}

bool ike_sa_awaits_peer(const struct ike_sa *sa)
{
	return sa->state < IKE_P1_COMPLETE;
}

void ike_sa_hurry_oldest(struct control *c)
{
	(void)c;
}

void ike_sa_make_place(struct control *c, const struct peer *p)
{
	(void)c;
	(void)p;
}

void ike_sas_set_stranger(struct control *c, struct peer *p, bool stranger)
{
	(void)c;
	(void)p;
	(void)stranger;
}

bool ike_sas_are_forgeable(const struct peer *p)
{
	(void)p;
	return false;
}

void ike_sa_set_state(struct control *c, struct ike_sa *sa, enum ike_state s)
{
	if (sa->state < IKE_P1_COMPLETE && s >= IKE_P1_COMPLETE)
		c->half_open--;
	sa->state = s;
}

int ike1_initiate(struct control *c, struct peer *p)
{
	struct ike_sa *sa;
	int err = fake_ike.start ? fake_ike.start(c) : 0;

	if (fake_ike.has_no_key)
		return -ENOENT;
	if (err < 0)
		return err;
	sa = ike_sa_create(c, p, true, NULL);
	if (!sa)
		return -ENOSPC;
	sa->state = IKE_I_MM1;
	fake_ike.initiated++;
	pend((struct pending){.kind = FAKE_PHASE1, .sa = slab_handle(sa)});
	return 0;
}

int ike1_quick_initiate(struct control *c, struct ike_sa *sa, struct child *ch)
{
	(void)c;
	fake_ike.quick_modes++;
	pend((struct pending){.kind = FAKE_QUICK, .sa = slab_handle(sa), .child = slab_handle(ch)});
	return 0;
}

bool ike1_quick_again(struct control *c, struct peer *p, uint32_t message_id)
{
	(void)c;
	(void)p;
	(void)message_id;
	return false;
}

bool node_is_full(const struct control *c, const struct ike_sa *sa)
{
	(void)c;
	(void)sa;
	return false;
}

int ike1_probe(struct control *c, struct ike_sa *sa, const char *timer)
{
	(void)timer;
	fake_ike.probe_times[fake_ike.probes++ % 256] = c->now;
	fake_ike.last_probed = sa->peer->remote;
	pend((struct pending){.kind = FAKE_PROBE, .sa = slab_handle(sa), .sequence = sa->dpd_next});
	sa->dpd_next++;
	sa->dpd_outstanding++;
	return 0;
}

void ike1_delete_child(struct control *c, struct ike_sa *sa, const struct child *ch)
{
	(void)c;
	(void)sa;
	(void)ch;
	fake_ike.deletes_child++;
}

void ike1_delete_spi(struct control *c, struct ike_sa *sa, uint32_t spi)
{
	(void)c;
	(void)sa;
	(void)spi;
	fake_ike.deletes_child++;
}

void ike1_delete_children(struct control *c, struct ike_sa *sa)
{
	(void)c;
	for (const struct child *ch = sa->peer->children; ch; ch = ch->next)
		fake_ike.deletes_child += ch->state != CHILD_NEGOTIATING;
}

bool ike1_is_jammed(const struct control *c)
{
	return c->outbox.n > 0;
}

void ike1_delete_sa(struct control *c, struct ike_sa *sa)
{
	(void)c;
	(void)sa;
	fake_ike.deletes_sa++;
}

struct child *exchange_negotiated(const struct ike_sa *sa)
{
	struct child *ch;

	for (ch = sa->peer->children; ch; ch = ch->next)
		if (ch->state == CHILD_NEGOTIATING)
			return ch;
	return NULL;
}

void exchange_child_gone(struct control *c, const struct child *ch)
{
	(void)c;
	for (struct pending *p = pendings; p; p = p->next)
		if (p->kind == FAKE_QUICK && handle_equal(p->child, slab_handle(ch)))
			p->done = true;
}

void ike1_nat_keepalive(struct control *c, struct peer *p)
{
	(void)c;
	(void)p;
	fake_ike.nat_keepalives++;
}

void ike_debug_loss(struct control *c, const struct peer *p)
{
	(void)c;
	(void)p;
}

void ike_debug_not_responding(struct control *c, const struct peer *p, const struct ike_sa *sa)
{
	(void)sa;
	if (fake_ike.died)
		fake_ike.died(c, p);
}

void ike_debug_deleting(struct control *c, const struct ike_sa *sa, const char *why)
{
	(void)c;
	(void)sa;
	(void)why;
}

void ike_debug_dest_sa(struct control *c, const struct peer *p, const struct ike_sa *sa)
{
	(void)c;
	(void)p;
	(void)sa;
}

void ike_debug_children_gone(struct control *c, const struct peer *p)
{
	(void)c;
	(void)p;
}

void ike_debug_released(struct control *c, const struct peer *p, uint32_t spi)
{
	(void)c;
	(void)p;
	(void)spi;
}

void ike_debug_last_pass(struct control *c, const struct ike_sa *sa)
{
	(void)c;
	(void)sa;
}

void ike_sas_set_address(struct control *c, struct peer *p, const struct ip_addr *remote)
{
	(void)c;
	p->remote = *remote;
}
