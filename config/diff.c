// The changes from one configuration to another. Any thread, read only: both are sorted, so one
// pass over each list finds everything.
#include "diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_list.h"

static int diff_add(struct diff_list *d, enum config_kind kind, enum diff_op op, uint32_t old,
                    uint32_t new)
{
	struct diff_change change = {kind, op, old, new};

	return array_push(&d->items, &d->n, sizeof(change), &change) ? 0 : -ENOMEM;
}

static int diff_list(const struct config *old, const struct config *new, enum config_kind kind,
                     struct diff_list *out)
{
	const struct config_list *l = &config_lists[kind];
	struct sorted s = config_sorted((struct config *)old, kind); // only read
	struct sorted t = config_sorted((struct config *)new, kind);
	const char *a = array_get(s.items), *b = array_get(t.items);
	uint32_t i = 0, k = 0;
	int err = 0;

	while (!err && (i < *s.n || k < *t.n)) {
		int order = i == *s.n   ? 1
		            : k == *t.n ? -1
		                        : l->compare(a + i * l->size, b + k * l->size);

		if (order < 0) {
			err = diff_add(out, kind, DIFF_DEL, i++, 0);
		} else if (order > 0) {
			err = diff_add(out, kind, DIFF_ADD, 0, k++);
		} else {
			if (!l->equal(a + i * l->size, b + k * l->size))
				err = diff_add(out, kind, DIFF_CHANGE, i, k);
			i++;
			k++;
		}
	}
	return err;
}

static bool single_equal(const struct config *a, const struct config *b, enum config_kind kind)
{
	switch (kind) {
	case CONFIG_HOSTNAME:
		return !strcmp(a->hostname, b->hostname);
	case CONFIG_ENABLE:
		return !strcmp(a->enable_secret, b->enable_secret);
	case CONFIG_LOGGING:
		return config_logging_equal(&a->logging, &b->logging);
	case CONFIG_PLATFORM:
		return config_platform_equal(&a->platform, &b->platform);
	case CONFIG_ISAKMP:
		return config_isakmp_equal(&a->isakmp, &b->isakmp);
	case CONFIG_IPSEC:
		return config_ipsec_equal(&a->ipsec, &b->ipsec);
	case CONFIG_IPV6:
		return a->ipv6_unicast_routing == b->ipv6_unicast_routing;
	default:
		return true;
	}
}

int diff_configs(const struct config *old, const struct config *new, struct diff_list *out)
{
	int err = 0;

	*out = (struct diff_list){0};
	for (unsigned k = 0; !err && k < CONFIG_LISTS; k++)
		err = diff_list(old, new, k, out);
	for (unsigned k = CONFIG_LISTS; !err && k < CONFIG_KINDS; k++)
		if (!single_equal(old, new, k))
			err = diff_add(out, k, DIFF_CHANGE, 0, 0);
	if (err)
		diff_fini(out);
	return err;
}

void diff_fini(struct diff_list *d)
{
	array_free(&d->items, &d->n, sizeof(*d->items));
}
