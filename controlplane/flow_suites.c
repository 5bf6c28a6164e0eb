// Transform sets as they count for one flow and one peer. Control core only; pure.
#include "flow_suites.h"

#include "addr.h"
#include "peer.h"

static bool is_host(const struct ip_prefix *p, const struct ip_addr *addr)
{
	const struct ip_prefix host = prefix_host(addr);

	return p->len == host.len && addr_equal(&p->addr, addr);
}

bool flow_suites_host_to_host(const struct selector *s, const struct ip_addr *local,
                              const struct ip_addr *remote)
{
	return is_host(&s->local, local) && is_host(&s->remote, remote);
}

unsigned flow_suites(const struct crypto_entry *e, const struct selector *s, const struct peer *p,
                     struct esp_suite out[FLOW_SUITES_MAX])
{
	bool between = flow_suites_host_to_host(s, &p->local, &p->remote);
	unsigned n = 0;

	for (unsigned i = 0; i < e->n_suites; i++) {
		const struct esp_suite *suite = &e->suites[i];

		if (suite->mode == SA_MODE_TRANSPORT && between)
			out[n++] = *suite;
		if (suite->mode == SA_MODE_TRANSPORT && suite->require)
			continue;
		out[n] = *suite;
		out[n++].mode = SA_MODE_TUNNEL;
	}
	return n;
}

unsigned flow_suites_transport(struct esp_suite *suites, unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		if (suites[i].mode == SA_MODE_TRANSPORT)
			suites[k++] = suites[i];
	return k;
}

unsigned flow_suites_without_esn(struct esp_suite *suites, unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		if (!suites[i].esn)
			suites[k++] = suites[i];
	return k;
}
