// See fake_ike.h.
#include "fake_ike.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "fake_dp.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "peer.h"
#include "peer_timers.h"

#define GIVE_UP (23 * TICKS_PER_SECOND)

struct fake_ike fake_ike;

struct pending {
	struct pending *next;
	struct handle sa, child; // one of them
	bool is_child, is_probe;
	tick_t since;
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
	copy->next = NULL;
	while (*tail)
		tail = &(*tail)->next;
	*tail = copy;
}

static void finish_child(struct control *c, struct child *ch, bool dead)
{
	struct sa_spec spec = {.cipher = SA_CIPHER_AES_GCM_16, .key_len = 16, .replay_window = 64};

	if (dead || fake_ike.refuses_quick) {
		child_failed(c, ch, "no answer");
		return;
	}
	ch->suite = ch->flow->entry->suites[0];
	if (child_install_in(c, ch, &spec) < 0 ||
	    child_install_out(c, ch, &spec, 0x1000 + ch->slab.index) < 0)
		abort();
	child_established(c, ch);
}

static void finish_sa(struct control *c, struct ike_sa *sa, bool dead)
{
	if (dead) {
		on_ike_failed(c, sa, "no answer");
		return;
	}
	ike_sa_set_state(c, sa, IKE_P1_COMPLETE);
	sa->peer_dpd = true;
	sa->suite.lifetime = 86400;
	on_ike_established(c, sa);
}

// True if it ended.
static bool finish(struct control *c, const struct pending *p)
{
	struct ike_sa *sa = slab_get(&c->ike_sas, p->sa);
	struct child *ch = slab_get(&c->children, p->child);
	const struct peer *peer = p->is_child ? ch ? ch->peer : NULL : sa ? sa->peer : NULL;
	bool dead, late = tick_diff(fake_now, p->since) >= (int32_t)GIVE_UP;

	if (!peer || (p->is_child && ch->state == CHILD_GONE) || (sa && sa->state == IKE_DEST_SA))
		return true;
	dead = is_dead(&peer->remote);
	if ((dead && !late) || fake_now == p->since)
		return false;
	if (p->is_probe && !dead)
		on_dpd_ack(c, sa);
	else if (p->is_child)
		finish_child(c, ch, dead);
	else if (!p->is_probe)
		finish_sa(c, sa, dead);
	return true;
}

void fake_ike_run(struct control *c)
{
	struct pending *list = pendings, *p;

	pendings = NULL;
	while ((p = list)) {
		list = p->next;
		if (!finish(c, p)) {
			tick_t since = p->since;

			pend(*p);
			for (struct pending *q = pendings; q; q = q->next)
				if (!q->next)
					q->since = since;
		}
		free(p);
	}
}

bool fake_ike_peer_starts(struct control *c, const char *addr, const struct selector *s)
{
	struct ip_addr remote;
	struct peer *p;
	struct ike_sa *sa;
	struct child *ch;
	struct flow *f;

	addr_parse(addr, &remote);
	p = peer_get(c, &c->entries->local, &remote, 500);
	sa = ike_sa_create(c, p, false, (const uint8_t[8]){1});
	finish_sa(c, sa, false);
	f = flow_for_proposal(c, p, s);
	if (!f)
		return false;
	ch = child_create(c, p, f, false);
	finish_child(c, ch, false);
	return true;
}

// ---- what it stands in for

struct ike_sa *ike_sa_create(struct control *c, struct peer *p, bool initiator,
                             const uint8_t cookie_i[8])
{
	struct ike_sa *sa = slab_alloc(&c->ike_sas);

	(void)cookie_i;
	sa->peer = p;
	sa->initiator = initiator;
	sa->tag = 1;
	sa->created = c->now;
	sa->dpd_next = 100;
	sa->next = p->ike_sas;
	p->ike_sas = sa;
	dp_ike_mark(c->dp, sa->slab.index, 1);
	return sa;
}

void ike_sa_retire(struct control *c, struct ike_sa *sa)
{
	dp_ike_mark(c->dp, sa->slab.index, 0);
	sa->state = IKE_DEST_SA;
}

void ike_sa_destroy(struct control *c, struct ike_sa *sa)
{
	struct ike_sa **link = &sa->peer->ike_sas;

	dp_ike_mark(c->dp, sa->slab.index, 0);
	peer_timers_stop_ike(c, sa);
	while (*link != sa)
		link = &(*link)->next;
	*link = sa->next;
	slab_free(&c->ike_sas, sa);
}

void ike_sa_set_state(struct control *c, struct ike_sa *sa, enum ike_state s)
{
	(void)c;
	sa->state = s;
}

int ike1_initiate(struct control *c, struct peer *p)
{
	struct ike_sa *sa;

	if (fake_ike.has_no_key)
		return -ENOENT;
	sa = ike_sa_create(c, p, true, NULL);
	sa->state = IKE_I_MM1;
	fake_ike.initiated++;
	pend((struct pending){.sa = slab_handle(sa)});
	return 0;
}

int ike1_quick_initiate(struct control *c, struct ike_sa *sa, struct child *ch)
{
	(void)c;
	(void)sa;
	fake_ike.quick_modes++;
	pend((struct pending){.child = slab_handle(ch), .is_child = true});
	return 0;
}

int ike1_probe(struct control *c, struct ike_sa *sa, const char *timer)
{
	(void)timer;
	fake_ike.probe_times[fake_ike.probes++ % 256] = c->now;
	fake_ike.last_probed = sa->peer->remote;
	sa->dpd_next++;
	sa->dpd_outstanding++;
	pend((struct pending){.sa = slab_handle(sa), .is_probe = true});
	return 0;
}

void ike1_delete_child(struct control *c, struct ike_sa *sa, const struct child *ch)
{
	(void)c;
	(void)sa;
	(void)ch;
	fake_ike.deletes_child++;
}

void ike1_delete_sa(struct control *c, struct ike_sa *sa)
{
	(void)c;
	(void)sa;
	fake_ike.deletes_sa++;
}

void ike1_child_gone(struct control *c, const struct child *ch)
{
	(void)c;
	(void)ch;
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
	(void)c;
	(void)p;
	(void)sa;
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

void ike_debug_last_pass(struct control *c, const struct ike_sa *sa)
{
	(void)c;
	(void)sa;
}
