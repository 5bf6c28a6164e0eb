// `show platform workers`, `show platform control`, `show platform memory`, `show platform
// ports`: the texts.
#ifndef VIGIL_MANAGE_SHOW_PLATFORM_H
#define VIGIL_MANAGE_SHOW_PLATFORM_H

#include "view.h"

struct text;

// A line for each worker.
void platform_workers_head(struct text *out);
void platform_worker(const struct worker_view *v, struct text *out);
// All there is to know of one; its drops follow.
void platform_worker_detail(const struct worker_view *v, struct text *out);
void platform_drop(const struct counter_view *v, struct text *out);
void platform_control(const struct control_view *v, struct text *out);
// `resident`: KiB of the process.
void platform_memory(const struct memory_view *v, unsigned long resident, struct text *out);
void platform_port(const struct port_view *v, struct text *out);

#endif
