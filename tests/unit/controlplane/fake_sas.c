// The fake dataplane: its SAs.
#include <errno.h>

#include "addr.h"
#include "fake_dp.h"

unsigned fake_dp_live_sas(const struct dp *dp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_SAS; i++)
		n += dp->sas[i].used && dp->sas[i].live;
	return n;
}

struct fake_sa *fake_sa_at(struct dp *dp, struct handle h)
{
	if (h.index >= FAKE_SAS || !dp->sas[h.index].used ||
	    dp->sas[h.index].generation != h.generation)
		return NULL;
	return &dp->sas[h.index];
}

static int sa_take(struct dp *dp, struct handle *h)
{
	uint32_t max = dp->max_sas ? dp->max_sas : FAKE_SAS, i, generation;

	if (dp->sa_slots.n <= FAKE_SAS - max)
		return -ENOSPC;
	i = dp->sa_slots.free[--dp->sa_slots.n];
	generation = dp->sas[i].generation + 1;
	dp->sas[i] = (struct fake_sa){.used = true, .generation = generation};
	*h = (struct handle){i, generation};
	return 0;
}

// Inbound SAs by their SPIs: a list for each of as many places as there are SAs, of numbers + 1.
static void spi_add(struct dp *dp, uint32_t index)
{
	uint32_t *first = &dp->spi_first[dp->sas[index].spi % FAKE_SAS];

	dp->sas[index].inbound = true;
	dp->sas[index].spi_next = *first;
	*first = index + 1;
}

static void spi_remove(struct dp *dp, uint32_t index)
{
	uint32_t *at = &dp->spi_first[dp->sas[index].spi % FAKE_SAS];

	while (*at != index + 1)
		at = &dp->sas[*at - 1].spi_next;
	*at = dp->sas[index].spi_next;
}

static struct fake_sa *spi_find(struct dp *dp, uint32_t spi, bool live)
{
	for (uint32_t i = dp->spi_first[spi % FAKE_SAS]; i; i = dp->sas[i - 1].spi_next)
		if (dp->sas[i - 1].spi == spi && (dp->sas[i - 1].live || !live))
			return &dp->sas[i - 1];
	return NULL;
}

static void sa_release(struct dp *dp, uint32_t index)
{
	struct fake_sa *s = &dp->sas[index];

	if (s->inbound)
		spi_remove(dp, index);
	s->used = false;
	dp->sa_slots.free[dp->sa_slots.n++] = index;
}

void fake_sa_gone(struct dp *dp, struct handle sa)
{
	struct fake_sa *s = fake_sa_at(dp, sa);

	if (s)
		sa_release(dp, sa.index);
}

bool fake_dp_esp_in(struct dp *dp, uint32_t spi)
{
	struct fake_sa *sa = spi_find(dp, spi, true);

	if (!sa)
		return false;
	sa->have_in = true;
	sa->last_in = fake_now;
	return true;
}

// ---- the contract ----

int dp_sa_reserve(struct dp *dp, const struct ip_addr *local, const struct ip_addr *remote,
                  struct handle *sa, uint32_t *spi)
{
	int err = sa_take(dp, sa);

	(void)local;
	(void)remote;
	if (err < 0)
		return err;
	dp->sas[sa->index].spi = *spi = dp->next_spi++;
	spi_add(dp, sa->index);
	return 0;
}

bool dp_spi_is_known(const struct dp *dp, uint32_t spi)
{
	return spi_find((struct dp *)dp, spi, false);
}

int dp_sa_add_in(struct dp *dp, struct handle sa, const struct sa_spec *spec, struct handle tunnel)
{
	struct fake_sa *s = fake_sa_at(dp, sa);

	if (!s || spec->spi != s->spi) {
		dp->errors++;
		return -EINVAL;
	}
	s->live = true;
	s->spec = *spec;
	s->tunnel = tunnel;
	return 0;
}

int dp_sa_import(struct dp *dp, const struct sa_spec *spec, struct handle tunnel, struct handle *sa)
{
	const struct fake_sa *other = spi_find(dp, spec->spi, true);
	int err;

	if (other && addr_equal(&other->spec.local, &spec->local))
		return -EEXIST;
	err = sa_take(dp, sa);
	if (err < 0)
		return err;
	dp->sas[sa->index].spi = spec->spi;
	spi_add(dp, sa->index);
	return dp_sa_add_in(dp, *sa, spec, tunnel);
}

int dp_sa_add_out(struct dp *dp, const struct sa_spec *spec, struct handle tunnel, struct handle in,
                  struct handle *sa)
{
	int err = sa_take(dp, sa);
	struct fake_sa *s;

	if (err < 0)
		return err;
	s = &dp->sas[sa->index];
	s->live = true;
	s->spec = *spec;
	s->spi = spec->spi;
	s->tunnel = tunnel;
	s->pair = in;
	return 0;
}

void dp_sa_del(struct dp *dp, const struct handle *sas, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct fake_sa *s = handle_is_null(sas[i]) ? NULL : fake_sa_at(dp, sas[i]);
		struct fake_tunnel *t;

		if (!s || s->gone_pending)
			continue;
		t = fake_tunnel_at(dp, s->tunnel);
		if (t && handle_equal(t->out_sa, sas[i]))
			t->out_sa = (struct handle){0};
		if (!s->live) // no worker knows one that is only reserved: its slot is free
			sa_release(dp, sas[i].index);
		s->live = false;
		s->gone_pending = true;
		fake_dp_raise(dp, (struct dp_event){.kind = DP_EVENT_SA_GONE, .sa = sas[i]});
	}
}

void dp_sa_path_mtu(struct dp *dp, struct handle out_sa, uint16_t mtu)
{
	struct fake_sa *s = fake_sa_at(dp, out_sa);

	if (s)
		s->spec.path_mtu = mtu;
}

void dp_sa_move(struct dp *dp, struct handle out_sa, const struct ip_addr *remote, uint16_t port)
{
	struct fake_sa *s = fake_sa_at(dp, out_sa);

	if (s) {
		s->spec.remote = *remote;
		s->spec.remote_port = port;
	}
}

void dp_sa_forget_place(struct dp *dp, struct handle in_sa)
{
	struct fake_sa *s = fake_sa_at(dp, in_sa);

	if (s)
		s->place_forgotten = true;
}

void dp_sa_peek(const struct dp *dp, struct handle in_sa)
{
	(void)dp;
	(void)in_sa;
}

bool dp_sa_last_in(const struct dp *dp, struct handle in_sa, tick_t *when)
{
	const struct fake_sa *s = &dp->sas[in_sa.index];

	if (!s->used || s->generation != in_sa.generation || !s->have_in)
		return false;
	*when = s->last_in;
	return true;
}
