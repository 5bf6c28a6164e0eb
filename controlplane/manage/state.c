// The state that sessions share. Helper threads only. Must not hold the lock while the control core
// is asked or a client is written to.
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "log_writer.h"
#include "session.h"

struct running *state_get(struct manage *m)
{
	struct running *r;

	pthread_mutex_lock(&m->lock);
	r = m->running;
	r->refs++;
	pthread_mutex_unlock(&m->lock);
	return r;
}

void state_put(struct manage *m, struct running *r)
{
	bool last;

	pthread_mutex_lock(&m->lock);
	last = --r->refs == 0;
	pthread_mutex_unlock(&m->lock);
	if (!last)
		return;
	if (r->owned)
		config_free(r->config);
	free(r);
}

// The old one is freed by its last reader.
static void replace(struct manage *m, struct running *next)
{
	struct running *old;

	pthread_mutex_lock(&m->lock);
	old = m->running;
	old->owned = true;
	m->running = next;
	pthread_mutex_unlock(&m->lock);
	state_put(m, old);
}

int state_apply(struct manage *m, struct request_slot *slot, struct request *r, struct config *next)
{
	struct running *now = state_get(m), *wrapper = calloc(1, sizeof(*wrapper));
	struct diff_list changes = {0};
	int err = wrapper ? diff_configs(now->config, next, &changes) : -ENOMEM;
	bool logging = false;

	for (uint32_t i = 0; i < changes.n; i++)
		logging = logging || changes.items[i].kind == CONFIG_LOGGING;
	if (!err) {
		*r = (struct request){.kind = REQUEST_APPLY, .config = next, .changes = &changes};
		err = request_submit(slot, r);
	}
	if (!err) {
		wrapper->config = next;
		wrapper->refs = 1;
		replace(m, wrapper);
		if (logging && log_writer_configure(m->log, &next->logging) < 0)
			log_writer_no_buffer(m->log);
	} else {
		config_free(next);
		free(wrapper);
	}
	diff_fini(&changes);
	state_put(m, now);
	return err;
}

bool state_take_writer(struct manage *m, struct session *s, char *who, size_t size)
{
	bool taken;

	pthread_mutex_lock(&m->lock);
	taken = !m->writer || m->writer == s;
	if (taken)
		m->writer = s;
	else
		snprintf(who, size, "%s on vty %u (process %d)", m->writer->user, m->writer->vty,
		         m->writer->pid);
	pthread_mutex_unlock(&m->lock);
	return taken;
}

void state_drop_writer(struct manage *m, struct session *s)
{
	pthread_mutex_lock(&m->lock);
	if (m->writer == s)
		m->writer = NULL;
	pthread_mutex_unlock(&m->lock);
}
