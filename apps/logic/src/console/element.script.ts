export const elementScript = String.raw`
/** An element. Text goes in as text: there is no way to markup from here, whatever a message holds. */
export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Ties the label and the hint of every field in root to it; prefix keeps the ids of a copied part apart. */
export function tieLabels(root, prefix) {
  for (const field of root.querySelectorAll('.field')) {
    const control = field.querySelector('input, select, textarea');
    control.id = prefix + control.name;
    field.querySelector('label').htmlFor = control.id;
    const hint = field.querySelector('small');
    if (!hint) continue;
    hint.id = control.id + '-hint';
    control.setAttribute('aria-describedby', hint.id);
  }
}
`;
