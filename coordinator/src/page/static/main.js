// Where the page begins: who is there, which projects, and the work on one of them.

import { SessionOver, Unreachable, backoff, call, isReachable, pause } from "./api.js";
import { ask } from "./dialogs.js";
import { button, el, fill, notice } from "./dom.js";
import { Outbox } from "./outbox.js";
import { Work } from "./work.js";

const main = document.getElementById("main");
const header = document.getElementById("header");

let outbox = null;
let work = null;

const KINDS = {
  classes: "one class each",
  multi: "any number of classes each",
  boxes: "boxes in images",
  spans: "pieces of texts",
  number: "a number each",
  pairwise: "which of two",
};

async function begin() {
  const me = await insist(() => call("GET", "/me"));
  outbox = new Outbox(me.annotator, me.store);
  await outbox.open();
  fill(
    header,
    el("a", { class: "home", href: "#/", text: "Hone" }),
    el("span", { class: "who", dir: "auto", text: me.annotator }),
    button("Leave", null, leave),
  );
  addEventListener("hashchange", () => route());
  addEventListener("pagehide", () => {
    work?.close();
    outbox.leave();
  });
  addEventListener("beforeunload", (event) => {
    if (outbox.size > 0 && !isReachable()) event.preventDefault();
  });
  // Out of the browser's memory it comes back without its samples.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  main.addEventListener("over", over);
  await route();
}

async function route() {
  work?.close();
  work = null;
  try {
    const chosen = /^#\/p\/([0-9]+)$/.exec(location.hash);
    if (chosen) return await openProject(chosen[1]);
    const { projects } = await insist(() => call("GET", "/projects"));
    if (projects.length === 1 && location.hash === "") return await openProject(projects[0].id);
    showProjects(projects);
  } catch (error) {
    fail(error);
  }
}

async function openProject(id) {
  const project = await insist(() => call("GET", `/projects/${id}`));
  document.title = `${project.name} – Hone`;
  work = new Work(project, outbox);
  fill(main, work.element);
  work.open();
}

function showProjects(projects) {
  document.title = "Labels – Hone";
  const items = projects.map((project) => {
    const { total, done, waiting } = project.counts;
    const state =
      project.state === "open"
        ? waiting > 0
          ? `${waiting} wait for you and others`
          : "nothing waits now"
        : `is ${project.state}`;
    return el(
      "li",
      {},
      el(
        "a",
        { class: "card", href: `#/p/${project.id}` },
        el("strong", { dir: "auto", text: project.name }),
        el("span", { text: `${KINDS[project.kind]}; ${state}` }),
        el("progress", { max: String(Math.max(1, total)), value: String(done), "aria-label": `${done} of ${total} done` }),
      ),
    );
  });
  const nothing = el("p", { class: "panel", text: "There is no project for you yet. Whoever invited you can tell why." });
  fill(main, el("h1", { text: "Projects" }), items.length > 0 ? el("ul", { class: "cards" }, ...items) : nothing);
}

async function leave() {
  if (
    outbox.size > 0 &&
    !(await ask(
      `${outbox.size} answers are not sent yet. They stay in this browser and are sent when you come back.`,
      "Leave all the same",
    ))
  )
    return;
  work?.close();
  work = null;
  try {
    await call("DELETE", "/session");
    over();
  } catch (error) {
    if (error instanceof SessionOver) over();
    else notice("The coordinator cannot be reached now; close the page to leave.", "warning");
  }
}

/** The session is over: nothing that was done is lost. */
function over() {
  work?.close();
  work = null;
  const waiting = outbox?.size ?? 0;
  const kept =
    waiting > 0
      ? el("p", {
          text: `${waiting} answers that are not sent yet are kept in this browser. They are sent when you come back with the new link.`,
        })
      : null;
  fill(header);
  fill(
    main,
    el(
      "div",
      { class: "panel", role: "alert", data: { state: "over" } },
      el("h1", { text: "You are not signed in" }),
      el("p", { text: "Open the link that you were sent. A link works once: ask whoever invited you for another one." }),
      kept,
    ),
  );
}

function fail(error) {
  if (error instanceof SessionOver) return over();
  fill(
    main,
    el(
      "div",
      { class: "panel", role: "alert", data: { state: "refused" } },
      el("h1", { text: "That did not work" }),
      el("p", { text: `${error.message}.` }),
      el("p", {}, el("a", { href: "#/", text: "To the projects" })),
    ),
  );
}

/** Makes a call until the coordinator answers. */
async function insist(make) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      if (tries === 1)
        fill(
          main,
          el("p", {
            class: "panel",
            role: "status",
            text: "The coordinator cannot be reached; the page tries again by itself.",
          }),
        );
      await pause(backoff(tries));
    }
  }
}

begin().catch(fail);
