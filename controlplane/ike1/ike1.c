// Start and stop of IKEv1, and the way of a Diffie-Hellman result to the exchange that wants it.
// Control core only.
#include "ike1.h"

#include <errno.h>

#include "control.h"
#include "dh_pool.h"
#include "exchange.h"
#include "ike_crypto.h"
#include "ike_sa.h"
#include "main_mode.h"
#include "outbox.h"
#include "quick.h"
#include "secret.h"

#define DH_BATCH 4 // results taken at once

int ike1_start(struct control *c)
{
	c->crypto = ike_crypto_create();
	return c->crypto ? 0 : -errno;
}

void ike1_stop(struct control *c)
{
	outbox_forget_all(c);
	ike_crypto_destroy(c->crypto);
	c->crypto = NULL;
}

static void dh_result(struct control *c, const struct dh_result *r)
{
	struct ike_sa *sa = slab_get(&c->ike_sas, r->owner);
	struct exchange *x;

	c->quick_in_dh -= r->cookie && r->kind == DH_BOTH;
	if (!sa)
		return; // ended meanwhile
	if (!r->cookie) {
		main_mode_dh_done(c, sa, r);
		return;
	}
	x = exchange_find(sa, r->cookie);
	if (x)
		quick_dh_done(c, x, r);
}

bool ike1_dh_done(struct control *c)
{
	struct dh_result results[DH_BATCH];
	unsigned n = dh_pool_poll(c->dh, results, DH_BATCH);

	for (unsigned i = 0; i < n; i++)
		dh_result(c, &results[i]);
	secret_wipe(results, n * sizeof(results[0]));
	return n == DH_BATCH;
}
