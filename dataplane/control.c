// The contract's SAs, flows, peers and policy on the control side (dp.h). [C] Takes and frees
// slots, expands keys, sends messages; never waits for a worker. An SA's slot is free again, and
// its keys are wiped, when the worker that owned it has confirmed that it let go.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "crypto.h"
#include "dp_internal.h"
#include "esp.h"
#include "foreign.h"
#include "message.h"
#include "policy.h"
#include "sa_fill.h"
#include "sa_table.h"
#include "secret.h"
#include "steer.h"
#include "tunnel.h"
#include "worker.h"

// Manual keys are few; the hash of their SPIs need not have room for every SA.
#define FOREIGN_MAX 65536u

// Control's own record of a tunnel slot.
struct tunnel_slot {
	uint32_t generation; // odd = in use
	union {
		uint32_t next_free; // free: slot + 1, 0 = none
		uint32_t doubts;    // DOUBT events that came out of dp_events()
	};
	struct handle out[2]; // the flow's outbound SA, and the one before
};

struct esp_control {
	IMB_MGR *mgr; // expands keys
	struct tunnel_slot *tunnels;
	uint32_t tunnel_free, tunnel_unused;
};

// ---- start and stop --------------------------------------------------------------------------

static int tables_init(struct dp *dp)
{
	const struct dp_limits *l = &dp->limits;
	int err = sa_table_init(dp->sas, l->max_sas, dp->n_workers);

	if (err)
		return err;
	err = tunnel_table_init(dp->tunnels, l->max_tunnels, dp->n_workers);
	if (err)
		return err;
	errno = ENOMEM;
	dp->foreign = foreign_create(l->max_sas < FOREIGN_MAX ? l->max_sas : FOREIGN_MAX, dp->rcu);
	if (!dp->foreign)
		return -errno;
	// A rule for each flow, and room for lines that have none.
	errno = ENOMEM;
	dp->policy = policy_create(DP_IFACES_MAX, l->max_tunnels + 1024, dp->rcu);
	return dp->policy ? 0 : -errno;
}

int control_init(struct dp *dp)
{
	struct esp_control *esp = calloc(1, sizeof(*esp));
	int err;

	if (!esp)
		return -ENOMEM;
	dp->esp = esp;
	dp->sas = calloc(1, sizeof(*dp->sas));
	dp->tunnels = calloc(1, sizeof(*dp->tunnels));
	dp->peers = calloc(dp->limits.max_peers + 1, sizeof(*dp->peers));
	esp->tunnels = calloc(dp->limits.max_tunnels + 1, sizeof(*esp->tunnels));
	esp->mgr = alloc_mb_mgr(0);
	if (!dp->sas || !dp->tunnels || !dp->peers || !esp->tunnels || !esp->mgr) {
		control_fini(dp);
		return -ENOMEM;
	}
	init_mb_mgr_auto(esp->mgr, NULL);
	err = tables_init(dp);
	if (err)
		control_fini(dp);
	return err;
}

void control_fini(struct dp *dp)
{
	policy_destroy(dp->policy);
	foreign_destroy(dp->foreign);
	if (dp->tunnels)
		tunnel_table_fini(dp->tunnels);
	if (dp->sas)
		sa_table_fini(dp->sas);
	if (dp->esp) {
		if (dp->esp->mgr)
			free_mb_mgr(dp->esp->mgr);
		free(dp->esp->tunnels);
	}
	free(dp->esp);
	free(dp->peers);
	free(dp->tunnels);
	free(dp->sas);
	dp->policy = NULL;
	dp->foreign = NULL;
	dp->tunnels = NULL;
	dp->sas = NULL;
	dp->esp = NULL;
	dp->peers = NULL;
}

// ---- peers -----------------------------------------------------------------------------------

void dp_peer_watch(struct dp *dp, uint32_t peer, tick_t doubt_after)
{
	if (peer < dp->limits.max_peers)
		activity_store(&dp->peers[peer].doubt_after, doubt_after);
}

void dp_peer_heard(struct dp *dp, uint32_t peer, tick_t when)
{
	if (peer < dp->limits.max_peers)
		activity_mark(&dp->peers[peer].heard, when);
}

// ---- tunnels ---------------------------------------------------------------------------------

static struct tunnel_slot *tunnel_slot(const struct dp *dp, struct handle h)
{
	struct tunnel_slot *slot;

	if (h.generation % 2 == 0 || h.index >= dp->esp->tunnel_unused)
		return NULL;
	slot = &dp->esp->tunnels[h.index];
	return slot->generation == h.generation ? slot : NULL;
}

static int tunnel_send(struct dp *dp, const struct message *msg)
{
	return message_send(dp, tunnel_owner(dp->tunnels, msg->tunnel.index), msg);
}

static void tunnel_put(struct dp *dp, uint32_t index)
{
	struct esp_control *esp = dp->esp;

	esp->tunnels[index].generation++;
	esp->tunnels[index].next_free = esp->tunnel_free;
	esp->tunnel_free = index + 1;
	activity_store(&dp->tunnels->words[index].generation, 0);
}

int dp_tunnel_add(struct dp *dp, const struct dp_tunnel_spec *spec, struct handle *tunnel)
{
	struct message msg = {.kind = MESSAGE_TUNNEL_ADD, .word = spec->peer};
	struct esp_control *esp = dp->esp;
	uint32_t i = esp->tunnel_free ? esp->tunnel_free - 1 : esp->tunnel_unused;
	struct tunnel_slot *slot;
	int err;

	if (spec->iface >= dp->n_ifaces)
		return -EINVAL;
	if (i >= dp->limits.max_tunnels)
		return -ENOSPC;
	if (!chunks_need(&dp->tunnels->tunnels, i))
		return -ENOMEM;
	slot = &esp->tunnels[i];
	if (esp->tunnel_free)
		esp->tunnel_free = slot->next_free;
	else
		esp->tunnel_unused++;
	slot->generation++;
	slot->doubts = 0;
	memset(slot->out, 0, sizeof(slot->out));
	*tunnel = msg.tunnel = (struct handle){.index = i, .generation = slot->generation};
	activity_store(&dp->tunnels->words[i].doubt_ack, 0);
	activity_store(&dp->tunnels->words[i].generation, slot->generation);
	err = tunnel_send(dp, &msg);
	if (err)
		tunnel_put(dp, i);
	return err;
}

void dp_tunnel_del(struct dp *dp, struct handle tunnel)
{
	struct message msg = {.kind = MESSAGE_TUNNEL_DEL, .tunnel = tunnel};

	if (!tunnel_slot(dp, tunnel))
		return;
	// Should the message be lost for want of memory the worker's record lies fallow: the words
	// are gone, so no packet finds it, and the slot's next TUNNEL_ADD overwrites it.
	(void)tunnel_send(dp, &msg);
	tunnel_put(dp, tunnel.index);
}

void dp_tunnel_set_peer(struct dp *dp, struct handle tunnel, uint32_t peer)
{
	struct message msg = {.kind = MESSAGE_TUNNEL_PEER, .tunnel = tunnel, .word = peer};

	if (!tunnel_slot(dp, tunnel))
		return;
	(void)tunnel_send(dp, &msg);
	dp_tunnel_doubt_ack(dp, tunnel); // doubt of the old peer is answered
}

void dp_tunnel_use(struct dp *dp, struct handle tunnel, struct handle out_sa)
{
	struct message msg = {.kind = MESSAGE_TUNNEL_USE, .tunnel = tunnel, .sa = out_sa};
	struct tunnel_slot *t = tunnel_slot(dp, tunnel);

	if (!t)
		return;
	if (!handle_is_null(out_sa)) {
		const struct sa_slot *slot = sa_table_slot(dp->sas, out_sa);
		const struct sa *sa = sa_table_at(dp->sas, out_sa.index);

		if (!slot || slot->state != SA_LIVE || slot->direction != SA_OUT ||
		    !handle_equal(sa->tunnel, tunnel))
			return;
	}
	t->out[1] = t->out[0];
	t->out[0] = out_sa;
	(void)tunnel_send(dp, &msg);
}

void dp_tunnel_refuse(struct dp *dp, struct handle tunnel)
{
	struct message msg = {.kind = MESSAGE_TUNNEL_REFUSE, .tunnel = tunnel};

	if (tunnel_slot(dp, tunnel))
		(void)tunnel_send(dp, &msg);
}

void dp_tunnel_doubt_ack(struct dp *dp, struct handle tunnel)
{
	const struct tunnel_slot *slot = tunnel_slot(dp, tunnel);

	if (slot)
		activity_store(&dp->tunnels->words[tunnel.index].doubt_ack, slot->doubts);
}

bool dp_tunnel_last_out(const struct dp *dp, struct handle tunnel, tick_t *when)
{
	const struct tunnel *t = chunks_at(&dp->tunnels->tunnels, tunnel.index);
	const struct tunnel_slot *slot = tunnel_slot(dp, tunnel);
	bool any;
	tick_t at;

	// Acquire: the worker clears last_out before it publishes the generation.
	if (!slot || __atomic_load_n(&t->generation, __ATOMIC_ACQUIRE) != tunnel.generation)
		return false;
	any = activity_read(&t->last_out, when);
	// What an SA knows goes over to the flow when it is left, which may not have happened yet.
	for (unsigned i = 0; i < 2; i++) {
		if (!sa_table_slot(dp->sas, slot->out[i]) ||
		    !activity_read(&sa_table_at(dp->sas, slot->out[i].index)->last_out, &at))
			continue;
		*when = any ? activity_later(dp_now(dp), *when, at) : at;
		any = true;
	}
	return any;
}

// ---- SAs -------------------------------------------------------------------------------------

static int reserve(struct dp *dp, unsigned owner, struct handle *sa, uint32_t *spi)
{
	int err = sa_table_take(dp->sas, SA_IN, owner, sa);

	if (err)
		return err;
	*spi = spi_make(&dp->sas->layout, owner, sa->index, sa->generation);
	return 0;
}

uint32_t dp_sas_most(unsigned workers)
{
	return spi_slots_most(workers);
}

int dp_sa_reserve(struct dp *dp, const struct ip_addr *local, const struct ip_addr *remote,
                  struct handle *sa, uint32_t *spi)
{
	unsigned owner;

	if (!steer_worker(dp, remote, &owner))
		owner = port_worker_for(dp, remote, local);
	return reserve(dp, owner, sa, spi);
}

bool dp_spi_is_known(const struct dp *dp, uint32_t spi)
{
	const struct sa_table *t = dp->sas;
	uint32_t index = spi_slot(&t->layout, spi);
	const struct sa_slot *slot;

	if (!spi_is_own(spi) || index >= t->max)
		return false;
	slot = &t->slots[index];
	return slot->state != SA_FREE && slot->direction == SA_IN &&
	       spi == spi_make(&t->layout, slot->owner, index, slot->generation);
}

// What sa_fill() leaves to us. NULL: no memory.
static struct sa *sa_prepare(struct dp *dp, struct handle h, const struct sa_spec *spec,
                             enum sa_direction direction, struct handle tunnel)
{
	struct sa *sa = sa_table_at(dp->sas, h.index);

	if (sa_fill_needs_more(spec, direction)) {
		sa->more = sa_table_more(dp->sas, h.index);
		if (!sa->more)
			return NULL;
	}
	sa->slot = h.index;
	sa->generation = h.generation;
	sa->tunnel = tunnel;
	return sa;
}

int dp_sa_add_in(struct dp *dp, struct handle h, const struct sa_spec *spec, struct handle tunnel)
{
	struct message msg = {.kind = MESSAGE_SA_ADD, .sa = h, .tunnel = tunnel};
	struct sa_slot *slot = sa_table_slot(dp->sas, h);
	uint32_t words = replay_words(spec->replay_window);
	uint64_t *ring = NULL;
	struct sa *sa;

	if (!slot || slot->state != SA_RESERVED || sa_fill_check(spec, SA_IN))
		return -EINVAL;
	sa = sa_prepare(dp, h, spec, SA_IN, tunnel);
	if (!sa)
		return -ENOMEM;
	if (words > 1) {
		ring = calloc(words, sizeof(*ring));
		if (!ring)
			return -ENOMEM;
	}
	free(sa_ring(sa)); // of an attempt that failed
	sa_fill(dp->esp->mgr, spec, SA_IN, sa, sa_table_keys(dp->sas, h.index));
	replay_init(&sa->replay, spec->replay_window, ring);
	sa->activity = &dp->sas->activity[h.index];
	// The SPI is the one that dp_sa_reserve() gave out, whatever the caller says.
	sa->spi = spi_make(&dp->sas->layout, slot->owner, h.index, h.generation);
	if (message_send(dp, slot->owner, &msg))
		return -ENOMEM;
	slot->state = SA_LIVE;
	return 0;
}

int dp_sa_import(struct dp *dp, const struct sa_spec *spec, struct handle tunnel, struct handle *sa)
{
	struct sa_slot *slot;
	uint32_t own;
	int err;

	*sa = (struct handle){0};
	if (spi_is_own(spec->spi) || spec->spi < SPI_MIN || sa_fill_check(spec, SA_IN))
		return -EINVAL;
	err = reserve(dp, port_worker_for(dp, &spec->remote, &spec->local), sa, &own);
	if (err)
		return err;
	slot = sa_table_slot(dp->sas, *sa);
	err = foreign_add(dp->foreign, spec->spi, &spec->local, own, &slot->foreign);
	if (err)
		goto fail;
	err = dp_sa_add_in(dp, *sa, spec, tunnel);
	if (err)
		goto fail_foreign;
	return 0;
fail_foreign:
	foreign_del(dp->foreign, slot->foreign);
fail:
	sa_table_put(dp->sas, sa->index);
	*sa = (struct handle){0};
	return err;
}

int dp_sa_add_out(struct dp *dp, const struct sa_spec *spec, struct handle tunnel, struct handle in,
                  struct handle *out)
{
	struct sa *sa;
	int err;

	if (!tunnel_slot(dp, tunnel) || sa_fill_check(spec, SA_OUT))
		return -EINVAL;
	err = sa_table_take(dp->sas, SA_OUT, tunnel_owner(dp->tunnels, tunnel.index), out);
	if (err)
		return err;
	sa = sa_prepare(dp, *out, spec, SA_OUT, tunnel);
	if (!sa) {
		sa_table_put(dp->sas, out->index);
		*out = (struct handle){0};
		return -ENOMEM;
	}
	sa->pair = in;
	sa->doubt_from = dp_now(dp);
	sa_fill(dp->esp->mgr, spec, SA_OUT, sa, sa_table_keys(dp->sas, out->index));
	dp->sas->warmed += sa_is_warm(sa);
	return 0;
}

// Tells of the end of an SA: the worker that knows it, or the control plane that it is gone. False:
// no memory.
static bool sa_tell(struct dp *dp, uint32_t index)
{
	const struct sa_slot *slot = &dp->sas->slots[index];
	struct handle h = {.index = index, .generation = slot->generation};
	struct message msg = {.kind = MESSAGE_SA_DEL, .sa = h};
	struct dp_event gone = {.kind = DP_EVENT_SA_GONE, .sa = h};

	if (slot->known)
		return message_send(dp, slot->owner, &msg) == 0;
	if (dp_event_add(dp, &gone))
		return false;
	sa_table_put(dp->sas, index);
	return true;
}

static void sa_del(struct dp *dp, struct handle h)
{
	struct sa_slot *slot = sa_table_slot(dp->sas, h);

	if (!slot || slot->state == SA_DYING)
		return;
	slot->known = slot->state == SA_LIVE;
	slot->state = SA_DYING;
	if (slot->foreign)
		foreign_del(dp->foreign, slot->foreign);
	slot->foreign = 0;
	if (sa_tell(dp, h.index))
		return;
	// The control plane has forgotten it, so nobody else would try again.
	slot->next_untold = dp->sas->untold;
	dp->sas->untold = h.index + 1;
}

void control_retry(struct dp *dp)
{
	while (dp->sas && dp->sas->untold) {
		uint32_t index = dp->sas->untold - 1, next = dp->sas->slots[index].next_untold;

		if (!sa_tell(dp, index))
			return;
		dp->sas->untold = next;
	}
}

void dp_sa_del(struct dp *dp, const struct handle *sas, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sa_del(dp, sas[i]);
}

void dp_sa_move(struct dp *dp, struct handle out_sa, const struct ip_addr *remote, uint16_t port)
{
	const struct sa_slot *slot = sa_table_slot(dp->sas, out_sa);
	struct message msg = {
		.kind = MESSAGE_SA_MOVE, .sa = out_sa, .to = *remote, .port = htons(port)};

	if (slot && slot->state == SA_LIVE && slot->direction == SA_OUT)
		(void)message_send(dp, slot->owner, &msg);
}

void dp_sa_forget_place(struct dp *dp, struct handle in_sa)
{
	const struct sa_slot *slot = sa_table_slot(dp->sas, in_sa);
	struct message msg = {.kind = MESSAGE_SA_FORGET_PLACE, .sa = in_sa};

	if (slot && slot->state == SA_LIVE && slot->direction == SA_IN)
		(void)message_send(dp, slot->owner, &msg);
}

void dp_sa_path_mtu(struct dp *dp, struct handle out_sa, uint16_t mtu)
{
	const struct sa_slot *slot = sa_table_slot(dp->sas, out_sa);
	struct message msg = {.kind = MESSAGE_SA_MTU, .sa = out_sa, .word = mtu ? mtu : UINT16_MAX};

	if (slot && slot->state == SA_LIVE && slot->direction == SA_OUT)
		(void)message_send(dp, slot->owner, &msg);
}

void dp_sa_peek(const struct dp *dp, struct handle in_sa)
{
	if (in_sa.index < dp->sas->max)
		rte_prefetch0(&dp->sas->activity[in_sa.index]);
}

bool dp_sa_last_in(const struct dp *dp, struct handle in_sa, tick_t *when)
{
	const struct activity *a = &dp->sas->activity[in_sa.index];

	// Asked for every probe: this line says all that is needed. An outbound SA has no life.
	return !handle_is_null(in_sa) && in_sa.index < dp->sas->max &&
	       activity_load(&a->generation) == in_sa.generation &&
	       activity_read(&a->last_in, when);
}

void dp_memory(const struct dp *dp, struct dp_memory *out)
{
	uint64_t expanded = 0;

	for (unsigned i = 0; i < dp->n_workers; i++)
		expanded += crypto_warmed(dp->workers[i]->esp->crypto);
	*out = (struct dp_memory){
		.sas = dp->sas->used,
		.expanded = (uint32_t)(expanded + dp->sas->warmed - dp->sas->wiped),
		.rules = policy_rules(dp->policy),
		.sa_bytes = sizeof(struct sa),
		.expanded_bytes = sizeof(struct sa_keys),
		.rule_bytes = POLICY_RULE_BYTES,
		.tunnel_bytes = sizeof(struct tunnel),
	};
}

static void inbound_stats(const struct sa *sa, struct dp_sa_stats *out)
{
	out->replay_window = sa->replay.size;
	out->replayed = sa_counter(&sa->replayed);
	if (sa_has_counters(sa)) {
		out->auth_failed = sa_counter(&sa->auth_failed);
		out->bad_selector = sa_counter(&sa->bad_selector);
	}
}

void dp_sa_stats(const struct dp *dp, struct handle h, struct dp_sa_stats *out)
{
	const struct sa_slot *slot = sa_table_slot(dp->sas, h);
	const struct sa *sa = sa_table_at(dp->sas, h.index);

	memset(out, 0, sizeof(*out));
	if (!slot || slot->state == SA_RESERVED)
		return;
	out->packets = sa_counter(&sa->packets);
	out->bytes = sa_counter(&sa->bytes);
	out->other_drops = sa_counter(&sa->other_drops);
	out->sequence = sa_counter(slot->direction == SA_IN ? &sa->replay.top : &sa->sequence);
	if (slot->direction == SA_IN)
		inbound_stats(sa, out);
	out->owner = slot->owner;
	if (!dp_sa_last_in(dp, h, &out->last))
		(void)activity_read(slot->direction == SA_IN ? &sa->last : &sa->last_out,
		                    &out->last);
}

// ---- events from workers ---------------------------------------------------------------------

bool control_event(struct dp *dp, struct dp_event *event)
{
	struct tunnel_slot *tunnel;
	const struct sa_slot *slot;

	switch (event->kind) {
	case DP_EVENT_SA_GONE:
		slot = sa_table_slot(dp->sas, event->sa);
		if (!slot || slot->state != SA_DYING)
			return false;
		sa_table_put(dp->sas, event->sa.index);
		return true;
	case DP_EVENT_SA_SOFT:
	case DP_EVENT_SA_HARD:
	case DP_EVENT_SA_MOVED:
		// What was raised before the worker heard of the deletion concerns nobody.
		slot = sa_table_slot(dp->sas, event->sa);
		return slot && slot->state == SA_LIVE;
	case DP_EVENT_ACQUIRE:
		return tunnel_slot(dp, event->tunnel);
	case DP_EVENT_DOUBT:
		tunnel = tunnel_slot(dp, event->tunnel);
		if (tunnel)
			tunnel->doubts++;
		return tunnel;
	default:
		return true;
	}
}

// ---- policy ----------------------------------------------------------------------------------

int dp_policy_add(struct dp *dp, const struct dp_policy_rule *rule, struct handle *policy)
{
	if (rule->permit && !tunnel_slot(dp, rule->tunnel))
		return -EINVAL;
	return policy_add(dp->policy, rule, policy);
}

void dp_policy_del(struct dp *dp, struct handle policy)
{
	policy_del(dp->policy, policy);
}

void dp_policy_hold(struct dp *dp, uint16_t iface, bool hold)
{
	policy_hold(dp->policy, iface, hold);
}
